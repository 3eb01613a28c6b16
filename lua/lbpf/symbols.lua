--- Names for the addresses of stacks: of the kernel, and of processes.
--
-- A process's mappings are remembered from the first time that it is asked for, so names survive
-- its end. Files are read in the mount namespace of the process, so containers work. Code of JIT
-- compilers has names from their /tmp/perf-PID.map.
-- @module lbpf

local lbpf = require "lbpf.core"

local symbols = {}

local processes = {} -- by pid
local tables = {}    -- by device, inode and path: lbpf.elf_symbols(), or false
local lines_by_file = {} -- the same: lbpf.elf_lines(), or false
local demangled = {} -- names as they were written, by the linker's
local kernel         -- lbpf.kallsyms(), or false
local file_options   -- of lbpf.elf_symbols() and lbpf.elf_lines(), or nil

-- The mappings of a process are read again at most once in so many seconds.
local REFRESH = 0.1

local ENOEXEC = 8

-- An iterator over a file's lines; none if it cannot be read, as of a process that just ended.
local function lines_of(path)
  local file = io.open(path)
  local whole = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return whole:gmatch("[^\n]+")
end

-- When the process started, in clock ticks: this detects a reused pid.
local function start_time(pid)
  local stat = lines_of(("/proc/%d/stat"):format(pid))()
  local fields = stat and stat:match(".*%) (.*)")
  local at = 2
  for field in (fields or ""):gmatch("%S+") do
    at = at + 1
    if at == 22 then
      return field
    end
  end
  return nil
end

-- The executable mappings, in the order of their addresses.
local function read_mappings(pid)
  local list = {}
  for line in lines_of(("/proc/%d/maps"):format(pid)) do
    local first, last, offset, device, inode, path =
      line:match("^(%x+)%-(%x+) ..x. (%x+) (%S+) (%d+)%s*(.*)$")
    if first then
      list[#list + 1] = {
        first = tonumber(first, 16), last = tonumber(last, 16), offset = tonumber(offset, 16),
        path = path:gsub(" %(deleted%)$", ""), inode = tonumber(inode),
        file = ("%s:%s:%s"):format(device, inode, path),
      }
    end
  end
  return list
end

-- The map file of a JIT compiler: lines "ADDRESS SIZE NAME" in hexadecimal, the newest last.
local function read_perf_map(pid)
  local own_pid = pid -- in the process's own namespace
  for line in lines_of(("/proc/%d/status"):format(pid)) do
    own_pid = line:match("^NSpid:.-(%d+)$") or own_pid
  end
  local list, i = {}, 0
  for line in lines_of(("/proc/%d/root/tmp/perf-%s.map"):format(pid, own_pid)) do
    i = i + 1
    local first, size, name = line:match("^(%x+) (%x+) (.+)$")
    if first then
      first = tonumber(first, 16)
      list[#list + 1] = {first = first, last = first + tonumber(size, 16), name = name, order = i}
    end
  end
  table.sort(list, function(a, b)
    if a.first ~= b.first then
      return a.first < b.first
    end
    return a.order < b.order
  end)
  return list
end

-- The last entry that begins at or below ADDRESS, if that is in it.
local function find_range(list, address)
  local low, high = 1, #list + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if list[middle].first <= address then
      low = middle + 1
    else
      high = middle
    end
  end
  local found = list[low - 1]
  return found and address < found.last and found or nil
end

-- Reads the mappings again. Those of a process that has ended are kept.
local function refresh(process)
  process.refreshed = lbpf.monotonic()
  local mappings = read_mappings(process.pid)
  if #mappings > 0 then
    process.mappings = mappings
    process.perf_map = nil
  end
end

local function process_of(pid)
  local process = processes[pid]
  local now = lbpf.monotonic()
  if process and now - process.checked < 1 then
    return process
  end
  local started = start_time(pid)
  if not process or started and started ~= process.started then
    process = {pid = pid, started = started, mappings = {}}
    processes[pid] = process
    refresh(process)
  end
  process.checked = now
  return process
end

-- The name as it was written in C++ or Rust, without Rust's hash.
local function plain_name(name)
  if not name:find("^_Z") then
    return name
  end
  local plain = demangled[name]
  if not plain then
    plain = lbpf.demangle(name):gsub("::h%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x$", "")
    demangled[name] = plain
  end
  return plain
end

-- What OPEN has of a mapping's file, in the mount namespace of the process, or else in this one, or
-- by the mapping itself; it is kept in CACHE. False if it has nothing.
local function of_file(cache, open, process, mapping)
  local found = cache[mapping.file]
  if found == nil then
    found = open(("/proc/%d/root%s"):format(process.pid, mapping.path), file_options)
      or open(mapping.path, file_options)
      or open(("/proc/%d/map_files/%x-%x"):format(process.pid, mapping.first, mapping.last),
        file_options)
      or false
    cache[mapping.file] = found
  end
  return found
end

local function find_mapping(process, address)
  local mapping = find_range(process.mappings, address)
  if not mapping and lbpf.monotonic() - process.refreshed >= REFRESH then
    refresh(process)
    mapping = find_range(process.mappings, address)
  end
  return mapping
end

local function find_in_perf_map(process, address)
  local found = process.perf_map and find_range(process.perf_map, address)
  local now = lbpf.monotonic()
  if not found and now - (process.perf_map_read or -1) >= REFRESH then
    process.perf_map, process.perf_map_read = read_perf_map(process.pid), now
    found = find_range(process.perf_map, address)
  end
  return found
end

--- Remembers the mappings of a process, so that its addresses have names after its end.
-- @function watch_process
-- @tparam integer pid
-- @usage lbpf.watch_process(pid) -- reads its mappings now
-- print(lbpf.usym(pid, address))
-- lbpf.forget_processes(pid)
function symbols.watch_process(pid)
  process_of(pid)
end

--- Forgets a process, or all processes and files.
-- @function forget_processes
-- @tparam ?integer pid nil: all
function symbols.forget_processes(pid)
  if pid then
    processes[pid] = nil
  else
    processes, tables, lines_by_file, demangled, kernel = {}, {}, {}, {}, nil
  end
end

--- Whether debuginfod servers are asked for debug files that this machine has not: see
-- `elf_symbols`. They are not unless this was called. What is known of files is forgotten.
-- @function use_debuginfod
-- @tparam boolean use
-- @treturn boolean true
-- @fails EOPNOTSUPP without libdebuginfod, EDESTADDRREQ if DEBUGINFOD_URLS names no server
-- @usage local ok, message = lbpf.use_debuginfod(true)
-- if not ok then io.stderr:write(message, "\n") end
function symbols.use_debuginfod(use)
  local options = use and {debuginfod = true} or nil
  local _, message, errno = lbpf.elf_symbols("/dev/null", options)
  if errno ~= ENOEXEC then -- which says that servers can be asked
    return nil, message, errno
  end
  tables, lines_by_file, file_options = {}, {}, options
  return true
end

--- The kernel function at an address. The kernel's list is read by the first call.
-- @function ksym
-- @tparam integer address
-- @treturn ?string its name; nil if there is none, or the kernel hides addresses
-- @treturn ?integer the offset of the address in the function, in bytes
-- @treturn ?string the module that contains it
-- @usage local _, addresses = assert(lbpf.kallsyms()):match("vfs_read")
-- print(lbpf.ksym(addresses[1]))
function symbols.ksym(address)
  if kernel == nil then
    kernel = lbpf.kallsyms() or false
  end
  if kernel then
    return kernel:find(address)
  end
  return nil
end

--- The function at an address of a process.
-- @function usym
-- @tparam integer pid
-- @tparam integer address
-- @treturn ?string its name; nil if it is not known
-- @treturn ?integer the offset of the address in the function, in bytes; without a name, that in
-- the file
-- @treturn ?string path of the file that contains it
-- @usage print(lbpf.usym(pid, address))
function symbols.usym(pid, address)
  address = tonumber(address)
  local process = process_of(pid)
  local mapping = find_mapping(process, address)
  if not mapping or mapping.inode == 0 then
    local jitted = find_in_perf_map(process, address)
    if jitted then
      return jitted.name, address - jitted.first, mapping and mapping.path
    end
    return nil, nil, mapping and mapping.path ~= "" and mapping.path or nil
  end
  local offset = address - mapping.first + mapping.offset
  local symtab = of_file(tables, lbpf.elf_symbols, process, mapping)
  local name, distance
  if symtab then
    name, distance = symtab:find(offset)
  end
  if name then
    return plain_name(name), distance, mapping.path
  end
  return nil, offset, mapping.path
end

--- The function at an offset of a program or library, which is read once.
-- @function fsym
-- @tparam string path
-- @tparam integer offset in the file
-- @treturn ?string its name; nil if it is not known
-- @treturn ?integer the distance from its start, in bytes
-- @usage print(lbpf.fsym("/usr/bin/bash", 0x1234))
function symbols.fsym(path, offset)
  if tables[path] == nil then
    tables[path] = lbpf.elf_symbols(require("lbpf.handlers.file").find(path) or path,
      file_options) or false
  end
  local name, distance
  if tables[path] then
    name, distance = tables[path]:find(offset)
  end
  if name then
    return plain_name(name), distance
  end
  return nil
end

local function is_kernel(address)
  local number = tonumber(address)
  return number < 0 or number >= 2 ^ 63
end

local function user_frame(pid, address)
  local name, distance, path = symbols.usym(pid, address)
  if name then
    return name
  elseif path then
    return ("[%s]"):format(path:match("[^/]*$"):gsub("^%[(.*)%]$", "%1")), distance
  end
  return "[unknown]"
end

--- The source line at an address of a process, by the file's debugging information: see
-- `elf_lines`.
-- @function uline
-- @tparam integer pid
-- @tparam integer address
-- @treturn ?{table,...} the functions there, the innermost first, each inlined in the next: `name`,
-- `file`, `line`; nil if they are not known
-- @usage local here = lbpf.uline(pid, address)
-- if here then print(here[1].file, here[1].line) end
function symbols.uline(pid, address)
  address = tonumber(address)
  local process = process_of(pid)
  local mapping = find_mapping(process, address)
  local lines = mapping and mapping.inode ~= 0
    and of_file(lines_by_file, lbpf.elf_lines, process, mapping)
  local found = lines and lines:find(address - mapping.first + mapping.offset)
  for _, frame in ipairs(found or {}) do
    frame.name = frame.name and plain_name(frame.name)
  end
  return found or nil
end

-- Appends the functions at an address with their lines; false if those are not known.
local function add_lines(names, pid, address)
  local found = symbols.uline(pid, address)
  for _, frame in ipairs(found or {}) do
    names[#names + 1] = ("%s %s:%d"):format(frame.name or "[unknown]",
      (frame.file or "?"):match("[^/]*$"), frame.line or 0)
  end
  return found
end

--- Names for the addresses of a stack.
-- @function frames
-- @tparam {integer,...} stack addresses, as a stack trace map has them
-- @tparam ?integer pid of the process, if addresses may be in user space
-- @tparam ?table opts `lines` (boolean): "name file.c:12" where that is known, and functions that
-- are inlined as frames of their own
-- @treturn {string,...} a name for each; "[file]" or "[unknown]" where there is none
-- @usage local _, addresses = assert(lbpf.kallsyms()):match("vfs_*")
-- print(table.concat(lbpf.frames(addresses), "\n")) -- or what a stack map has
function symbols.frames(stack, pid, opts)
  local names = {}
  for i, address in ipairs(stack) do
    if is_kernel(address) then
      names[#names + 1] = symbols.ksym(address) or "[unknown]"
    elseif not pid then
      names[#names + 1] = "[unknown]"
    -- all but the first are where a call returns to: the call is before
    elseif not (opts and opts.lines)
      or not add_lines(names, pid, tonumber(address) - (i > 1 and 1 or 0)) then
      names[#names + 1] = user_frame(pid, address)
    end
  end
  return names
end

return symbols
