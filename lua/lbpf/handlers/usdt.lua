-- SEC("usdt/libc.so.6:libc:setjmp"), SEC("usdt//usr/bin/python3:python:*,pid=123"): a program that
-- runs at the static probes of a file that fit, of all processes or of one.

local file = require "lbpf.handlers.file"
local uprobe = require "lbpf.handlers.uprobe"

local ENOENT = 2

-- Little-endian, or big-endian as the file says in its sixth byte.
local function word(bytes, at, big)
  local a, b, c, d = bytes:byte(at, at + 3)
  if big then
    a, b, c, d = d, c, b, a
  end
  return a + b * 2 ^ 8 + c * 2 ^ 16 + d * 2 ^ 24
end

local NAME = "stapsdt\0"

local usdt = {}

-- The static probes of an ELF file of 64 bits, from its bytes, as {provider, name}, each once.
function usdt.list(bytes)
  local list, seen, at = {}, {}, 1
  local big = bytes:byte(6) == 2
  while true do
    local first, last = bytes:find(NAME, at, true)
    if not first then
      return list
    end
    -- before the name: its length, that of the contents, and the type, 3
    if first > 12 and word(bytes, first - 12, big) == #NAME
      and word(bytes, first - 4, big) == 3 then
      -- the contents: three addresses, and three strings
      local provider, name = bytes:match("^([^%z]+)%z([^%z]+)%z", last + 25)
      if provider and not seen[provider .. ":" .. name] then
        seen[provider .. ":" .. name] = true
        list[#list + 1] = {provider = provider, name = name}
      end
    end
    at = last + 1
  end
end

-- A pattern with * and ? as one of Lua's.
local function pattern_of(glob)
  return "^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

-- Where a section's probes are: file, provider, name and pid.
local function parse(section)
  local rest, pid = section:match("^usdt/(.+),pid=(%d+)$")
  rest = rest or section:sub(#"usdt/" + 1)
  local path, provider, name = rest:match("^(.+):([^:]+):([^:]+)$")
  if not path then
    error(("SEC(\"%s\"): expected usdt/FILE:PROVIDER:NAME"):format(section), 0)
  end
  return path, provider, name, tonumber(pid)
end

-- The probes that fit; or nil, message, errno.
local function find(path, provider, name)
  if not (provider .. name):find("[*?]") then
    return {{provider = provider, name = name}}
  end
  local bytes, message, errno = file.read(path)
  if not bytes then
    return nil, message, errno
  end
  local list = {}
  for _, probe in ipairs(usdt.list(bytes)) do
    if probe.provider:match(pattern_of(provider)) and probe.name:match(pattern_of(name)) then
      list[#list + 1] = probe
    end
  end
  if #list == 0 then
    return nil, ("'%s' has no probe '%s:%s'"):format(path, provider, name), ENOENT
  end
  return list
end

local function attach(prog)
  local wanted, provider, name, pid = parse(prog:section_name())
  local path, message, errno = file.find(wanted)
  local probes
  if path then
    probes, message, errno = find(path, provider, name)
  end
  if not probes then
    return nil, message, errno
  end
  local links = {}
  for i, probe in ipairs(probes) do
    local link, log
    link, message, errno, log = prog:attach_usdt(pid, path, probe.provider, probe.name)
    if not link then
      for _, made in ipairs(links) do
        made:destroy()
      end
      return nil, message, errno, log
    end
    links[i] = link
  end
  return links
end

usdt[1] = {
  sec = "usdt/",
  prog_type = "kprobe",
  prog_setup_fn = uprobe.setup, -- libbpf attaches to all places by one link, too
  prog_prepare_load_fn = function(prog)
    parse(prog:section_name())
  end,
  prog_attach_fn = attach,
}

return usdt
