-- The probes that this kernel has, with their arguments.
local files = require "lbpf.handlers.file"
local lbpf = require "lbpf.core"
local spec = require "lbpf.trace.spec"
local usdt = require "lbpf.handlers.usdt"

local list = {}

local TRACEFS = {"/sys/kernel/tracing/", "/sys/kernel/debug/tracing/"}

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

-- "sched_*" as a pattern of Lua.
local function pattern(glob)
  return "^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

-- tp: its arguments are in tracefs --------------------------------------------------------------

local function tracepoint_arguments(format)
  local arguments = {}
  for declaration in (format or ""):gmatch("field:([^;]+);") do
    if not declaration:find(" common_", 1, true) then
      arguments[#arguments + 1] = declaration
    end
  end
  return table.concat(arguments, ", ")
end

local function tracepoints(wanted, write)
  for _, root in ipairs(TRACEFS) do
    local names = {}
    for subsystem, name in (read(root .. "available_events") or ""):gmatch("([^:\n]+):([^\n]+)") do
      names[#names + 1] = {subsystem, name}
    end
    for _, name in ipairs(names) do
      local section = ("tp/%s/%s"):format(name[1], name[2])
      if section:find(wanted) then
        write(section, tracepoint_arguments(
          read(("%sevents/%s/%s/format"):format(root, name[1], name[2]))))
      end
    end
    if #names > 0 then
      return
    end
  end
end

-- Others: their arguments are in BTF --------------------------------------------------------------

local vmlinux
local function kernel()
  if not vmlinux then
    local btf = assert(lbpf.btf_load_vmlinux_btf())
    vmlinux = {btf = btf, dump = assert(lbpf.btf_dump(btf))}
  end
  return vmlinux
end

local function declaration(k, type, name)
  if type == 0 then
    return name and "void " .. name or "void"
  end
  return k.dump:emit_type_decl(type, {field_name = name}) or name or "?"
end

local function prototype(k, id, skip)
  local t, arguments = k.btf:type_by_id(id), {}
  for i = 1 + skip, #t.params do
    arguments[#arguments + 1] = declaration(k, t.params[i].type, t.params[i].name)
  end
  return table.concat(arguments, ", "), t.type ~= 0 and declaration(k, t.type) or nil
end

-- The types of a kind whose names match, by name.
local function types(k, kind, fits)
  local found = {}
  for t in k.btf:each_type() do
    if t.kind == kind and t.name and fits(t.name) then
      found[#found + 1] = t
    end
  end
  table.sort(found, function(x, y) return x.name < y.name end)
  return found
end

local function raw_tracepoints(wanted, write)
  local k = kernel()
  local function fits(name)
    return name:match("^btf_trace_") and ("raw_tp/" .. name:sub(11)):find(wanted)
  end
  for _, t in ipairs(types(k, "typedef", fits)) do
    local name = t.name:sub(11)
    -- the function that calls a tracepoint's probes has names for the arguments, the typedef none
    local caller = k.btf:find_by_name_kind("__traceiter_" .. name, "func")
    local proto = k.btf:type_by_id(caller or t.type).type
    write("raw_tp/" .. name, (prototype(k, proto, 1)))
  end
end

local function functions(kind)
  return function(wanted, write)
    local k = kernel()
    local function fits(name)
      return (kind .. "/" .. name):find(wanted)
    end
    for _, t in ipairs(types(k, "func", fits)) do
      local arguments, result = prototype(k, t.type, 0)
      local returns = kind == "fexit" or kind == "kretprobe"
      write(kind .. "/" .. t.name, arguments, returns and result)
    end
  end
end

-- Of files: their functions are in the symbol table, their USDT probes in a note ------------------

-- Raises an error that says nothing of where.
local function check(result, message)
  return result or error(message, 0)
end

local function user_functions(kind)
  return function(_, write, section)
    local name, wanted = section:match("^[^/]+/(.+):([^:]+)$")
    check(name, ("'%s': expected %s:FILE:FUNCTION"):format(section, kind))
    local path = check(files.find(name))
    local symbols = check(lbpf.elf_symbols(path))
    local names = symbols:match(wanted)
    symbols:close()
    table.sort(names)
    for i, each in ipairs(names) do
      if each ~= names[i - 1] then
        write(("%s/%s:%s"):format(kind, name, each))
      end
    end
  end
end

local function user_probes(_, write, section)
  local name = check(section:match("^usdt/([^:]+)"), "expected usdt:FILE:PROVIDER:NAME")
  local fits = pattern(section:find(":") and section or section .. ":*")
  for _, probe in ipairs(usdt.list(check(files.read(check(files.find(name)))))) do
    local each = ("usdt/%s:%s:%s"):format(name, probe.provider, probe.name)
    if each:find(fits) then
      write(each)
    end
  end
end

local kinds = {
  {"tp", tracepoints}, {"raw_tp", raw_tracepoints}, {"fentry", functions("fentry")},
  {"fexit", functions("fexit")}, {"kprobe", functions("kprobe")},
  {"kretprobe", functions("kretprobe")},
  {"uprobe", user_functions("uprobe")}, {"uretprobe", user_functions("uretprobe")},
  {"usdt", user_probes},
}

--- Calls WRITE(section, arguments, result) for each probe that matches; those of files without the
-- last two.
-- @tparam string glob "tp/sched/*", "kprobe:vfs_*", "uprobe:/bin/bash:read*", "*openat*"; without a
-- kind: all of the kernel's but kprobe, which has the functions of fentry
-- @treturn boolean is there such a kind?
function list.each(glob, write)
  local section = spec.section(glob):gsub("%.multi/", "/", 1)
  local kind = section:match("^(%l[%l_]*)/")
  local known = not kind
  for i, row in ipairs(kinds) do
    if kind == row[1] then
      row[2](pattern(section), write, section)
      known = true
    elseif not kind and i <= 3 then
      row[2](pattern(row[1] .. "/" .. (row[1] == "tp" and "*" or "") .. section), write)
    end
  end
  return known
end

return list
