-- SEC("uprobe.multi//usr/lib/libc.so.6:str*"), SEC("uretprobe.multi/bash:readline"): a program
-- that runs where the functions that fit are entered, or return: by one link where the kernel and
-- libbpf have those, else by one for each function. bpf_get_attach_cookie() is the
-- function's offset in the file, where the kernel has cookies.

local file = require "lbpf.handlers.file"
local lbpf = require "lbpf.core"

local ENOENT, EBADF, EINVAL, EOPNOTSUPP = 2, 9, 22, 95
local MULTI = "trace_uprobe_multi"

local RETURN_0 = "\183\0\0\0\0\0\0\0\149\0\0\0\0\0\0\0"
local NO_PID = 2 ^ 32 - 1

-- The error of a link to "/", which is no program, and so cannot be made.
local function error_of_link(prog, pid)
  return select(3, lbpf.link_create(prog, 0, MULTI,
    {uprobe_multi = {path = "/", offsets = {0}, pid = pid}}))
end

local function try_multi()
  if not lbpf.has "uprobe_multi" then
    return false
  end
  local prog = lbpf.prog_load("kprobe", nil, "GPL", RETURN_0, {expected_attach_type = MULTI})
  if not prog then
    return false
  end
  local works = error_of_link(prog, 0) == EBADF
    -- newer libbpf uses no kernel that takes a thread for the process, as Linux 6.6 did
    and (lbpf.major_version() == 1 and lbpf.minor_version() < 4
      or error_of_link(prog, NO_PID) == EINVAL)
  prog:close()
  return works
end

local multi -- whether libbpf and the kernel attach to many places by one link

local function has_multi()
  if multi == nil then
    multi = try_multi()
  end
  return multi
end

-- The offsets in the file of the functions that fit, each once; or nil, message, errno.
local function offsets_of(path, pattern)
  local symbols, message, errno = lbpf.elf_symbols(path)
  if not symbols then
    return nil, message, errno
  end
  local _, all = symbols:match(pattern)
  symbols:close()
  local list, seen = {}, {}
  for _, offset in ipairs(all) do
    offset = tonumber(offset)
    if not seen[offset] then
      seen[offset], list[#list + 1] = true, offset
    end
  end
  if #list == 0 then
    return nil, ("'%s' has no function '%s'"):format(path, pattern), ENOENT
  end
  return list
end

-- One link per place, with the place as its cookie; without, where the kernel has no cookies.
local function attach_each(prog, path, offsets, retprobe)
  local links, has_cookies = {}, true
  for i, offset in ipairs(offsets) do
    local function attach()
      return prog:attach_uprobe(nil, path, offset,
        {retprobe = retprobe, bpf_cookie = has_cookies and offset or nil})
    end
    local link, message, errno = attach()
    if errno == EOPNOTSUPP and has_cookies then
      has_cookies = false
      link, message, errno = attach()
    end
    if not link then
      for _, made in ipairs(links) do
        made:destroy()
      end
      return nil, message, errno
    end
    links[i] = link
  end
  return links
end

-- A program for several places by one link is of another kind.
local function setup(prog)
  if has_multi() then
    prog:set_expected_attach_type(MULTI)
  end
end

local function definition(sec, retprobe)
  local function target(prog)
    local name, pattern = prog:section_name():sub(#sec + 1):match("^(.+):([^:]+)$")
    if not name then
      error(("SEC(\"%s\"): expected %sFILE:FUNCTION"):format(prog:section_name(), sec), 0)
    end
    return name, pattern
  end
  return {
    sec = sec,
    prog_type = "kprobe",
    prog_setup_fn = setup,
    prog_prepare_load_fn = function(prog)
      target(prog)
    end,
    prog_attach_fn = function(prog)
      local name, pattern = target(prog)
      local path, message, errno = file.find(name)
      local offsets
      if path then
        offsets, message, errno = offsets_of(path, pattern)
      end
      if not offsets then
        return nil, message, errno
      elseif has_multi() then
        return prog:attach_uprobe_multi(nil, path, nil,
          {offsets = offsets, cookies = offsets, retprobe = retprobe})
      end
      return attach_each(prog, path, offsets, retprobe)
    end,
  }
end

return {definition("uprobe.multi/", false), definition("uretprobe.multi/", true), setup = setup}
