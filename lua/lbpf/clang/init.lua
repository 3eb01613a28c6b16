-- Compiles BPF programs in C with clang.

local cache = require "lbpf.clang.cache"
local lbpf = require "lbpf.core"
local types = require "lbpf.clang.types"

local clang = {}

local ARCHITECTURES = {x86_64 = "x86", aarch64 = "arm64", s390x = "s390"}

-- Fields of a table with a source, and of the options of build().
local OPTIONS = {
  c = "string", clang = "string", cflags = "table", cache = "boolean", btf = "string",
}

local NO_CLANG = "%s; install clang, or compile the object elsewhere and open that, or write the "
  .. "program in Lua"

local machine -- as uname says

local function arguments(opts)
  if not machine then
    local _, text = lbpf.spawn({"uname", "-m"})
    machine = text and text:match("%S+") or "x86_64"
  end
  local list = {
    opts.clang or "clang", "--target=bpf", "-mcpu=v3", "-O2", "-g", "-Wall",
    "-fno-color-diagnostics", "-D__TARGET_ARCH_" .. (ARCHITECTURES[machine] or machine),
    "-I/usr/include/" .. machine .. "-linux-gnu", -- where Debian has asm/types.h
  }
  for _, flag in ipairs(opts.cflags or {}) do
    list[#list + 1] = flag
  end
  return list
end

local function append(list, more)
  local whole = {}
  for _, part in ipairs {list, more} do
    for _, argument in ipairs(part) do
      whole[#whole + 1] = argument
    end
  end
  return whole
end

-- What clang writes on its outputs; or nil, a message, and an error number if there is no clang.
local function run(argv, input)
  local status, output, messages = lbpf.spawn(argv, input)
  if not status then
    return nil, NO_CLANG:format(output), messages
  elseif status ~= 0 then
    return nil, messages
  end
  return output, messages
end

-- The files of a rule that -MD has written: "TARGET: FILE FILE \".
local function files_in(path)
  local file = assert(io.open(path))
  local rule = file:read("*a")
  file:close()
  local list = {}
  rule = rule:gsub("\\\n", " "):gsub("^[^:]*:", ""):gsub("\\ ", "\0")
  for name in rule:gmatch("%S+") do
    list[#list + 1] = name:gsub("%z", " "):gsub("%$%$", "$")
  end
  return list
end

-- Runs clang, and keeps the object under KEY unless there are warnings, which shall be told again.
local function compile_and_keep(key, argv, input)
  local rule = os.tmpname()
  local object, messages, errno = run(append(argv, {"-MD", "-MF", rule, "-x", "c", "-c", "-o", "-",
    "-"}), input)
  if object and key and messages == "" then
    cache.put(key, files_in(rule), object)
  end
  os.remove(rule)
  return object, messages, errno
end

-- Calls COMPILE with the types that SOURCE names, and again with those that clang missed.
local function with_types(source, btf, compile)
  local more = {}
  while true do
    local header, why, number = types.header(source, btf, more)
    if not header then
      return nil, why, number
    end
    local object, message, errno = compile(header)
    if object or errno or not types.add_incomplete(more, message) then
      return object, message, errno
    end
  end
end

local function check_options(opts, level)
  for name, value in pairs(opts) do
    if not OPTIONS[name] then
      error(("unknown field '%s' beside 'c'; expected one of: btf, cache, cflags, clang"):format(
        tostring(name)), level + 1)
    elseif type(value) ~= OPTIONS[name] then
      error(("field '%s' must be a %s, not %s"):format(name, OPTIONS[name], type(value)), level + 1)
    end
  end
end

-- The file and the line at which the source begins in the Lua chunk LEVEL calls away, for messages.
local function find_place(source, level)
  local info = debug.getinfo(level + 1, "Sl")
  local file = info.source:match("^@(.*)") and io.open(info.source:sub(2))
  local chunk = file and file:read("*a") or ""
  if file then
    file:close()
  end
  local at = chunk:find(source, 1, true)
  if not at then
    return info.short_src, math.max(info.currentline, 1)
  end
  local _, newlines = chunk:sub(1, at - 1):gsub("\n", "")
  return info.short_src, newlines + 1
end

--- Compiles OPTS.c, which is in the chunk LEVEL calls away.
-- @treturn string the object; and clang's warnings, if there are any
-- @treturn[2] nil and a message; and an error number, if clang could not be run
function clang.compile(opts, level)
  check_options(opts, level + 1)
  local name, line = find_place(opts.c, level + 1)
  -- The types come before the source; a vmlinux.h with all types would define them again.
  local own = ("#line %d \"%s\"\n%s"):format(line, name,
    (opts.c:gsub('#include%s+"vmlinux%.h"', "")))
  local argv = arguments(opts)
  local key = opts.cache ~= false and cache.key(argv, own .. (opts.btf or "")
    .. (opts.btf and lbpf.file_stamp(opts.btf) or ""))
  local object = cache.get(key)
  if object then
    return object
  end
  local message, errno
  object, message, errno = with_types(opts.c, opts.btf, function(header)
    return compile_and_keep(key, argv, header .. own)
  end)
  if not object then
    return nil, message, errno
  end
  return object, message ~= "" and message or nil
end

-- Whether a line of the source, or of a header beside it, includes vmlinux.h; clang says.
local function preprocess(path, argv, folder)
  local file, message = io.open(folder .. "/vmlinux.h", "w")
  if not file then
    return nil, message
  end
  file:write("char lbpf_vmlinux_h;\n")
  file:close()
  return run(append(argv, {"-I" .. folder, "-E", "-P", path}))
end

local function build_in(folder, path, opts)
  local argv = arguments(opts)
  local source, message, errno = preprocess(path, argv, folder)
  if not source then
    return nil, message, errno
  end
  local command = append(argv, {"-I" .. folder, "-c", "-o", "-", path})
  local own, found = source:gsub("char lbpf_vmlinux_h;", "")
  if found == 0 then
    return run(command)
  end
  return with_types(own, opts.btf, function(header)
    local file = assert(io.open(folder .. "/vmlinux.h", "w"))
    file:write("#pragma once\n", header)
    file:close()
    return run(command)
  end)
end

--- Compiles a file. If it includes "vmlinux.h", and there is none beside it, it gets one with those
-- of the kernel's types that it names.
-- @tparam string path
-- @tparam table opts as the fields of compile()
-- @treturn string the object, and clang's warnings, "" for none
-- @treturn[2] nil and a message; and an error number, if clang could not be run
function clang.build(path, opts)
  check_options(opts, 2)
  local status, output = lbpf.spawn({"mktemp", "-d"})
  if status ~= 0 then
    return nil, "mktemp -d: no directory for the header: " .. output
  end
  local folder = output:gsub("\n$", "")
  local object, message, errno = build_in(folder, path, opts)
  os.remove(folder .. "/vmlinux.h")
  os.remove(folder)
  return object, message, errno
end

return clang
