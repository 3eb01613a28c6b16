-- Memory that a process asked for and has not freed, by stack: memleak.lua -p PID
local lbpf = require "lbpf"
local text = require "lbpf.text"

local function options(parser)
  parser:option("-l --library", "The C library, or another allocator's file."):argname("<file>")
  parser:option("-o --older", "Only what is older than so many seconds."):convert(tonumber)
    :default("0")
  parser:option("--top", "So many stacks."):convert(tonumber):default("10")
end

-- The file in which the process has its C library, as this process can open it.
local function c_library(pid)
  local file = io.open(("/proc/%d/maps"):format(pid))
  if not file then
    error({message = ("there is no process %d"):format(pid)}, 0)
  end
  for line in file:lines() do
    local path = line:match("%s(/%S*/libc[.-]%S*)$")
    if path then
      file:close()
      return ("/proc/%d/root%s"):format(pid, path)
    end
  end
  file:close()
  error({message = "process " .. pid .. " has no C library; use --library"}, 0)
end

-- At most so many at a time. From Linux 6.1 on, with which the helper that is asked for came, the
-- kernel need not have memory for all of them beforehand.
local BLOCKS = {max_entries = 131072, prealloc = not lbpf.probe_bpf_helper("kprobe", 209)}

-- Sets what is known of the block at an address: its size, and the stack in the lowest 16 bits; its
-- time only where that is asked for.
local function set(args, address, block, time)
  return ("block[%s] = %s "):format(address, block)
    .. (args.older > 0 and ("time[%s] = %s "):format(address, time) or "")
end

local BLOCK = "n << 16 | ustack & 0xffff"

local function returned(args)
  return ([[
    local n = wanted[tid]
    if n then
      wanted[tid] = nil
      if retval ~= 0 then
        %s
      end
    end ]]):format(set(args, "retval", BLOCK, "nsecs"))
end

local function freed(args)
  return set(args, "args.arg0", "nil", "nil")
end

-- How each function of the allocator has the size.
local allocators = {
  malloc = "args.arg0", valloc = "args.arg0", calloc = "args.arg0 * args.arg1",
  realloc = "args.arg1", memalign = "args.arg1", aligned_alloc = "args.arg1",
}

local function programs(args, only)
  if not args.pid then
    error({message = "which process? --pid"}, 0)
  end
  local file = args.library or c_library(args.pid)
  local list = {}
  local function add(kind, name, program)
    list[("%s/%s:%s"):format(kind, file, name)] = only .. " " .. program
  end
  for name, n in pairs(allocators) do
    add("uprobe", name, (name == "realloc" and freed(args) or "") .. "wanted[tid] = " .. n)
    add("uretprobe", name, returned(args))
  end
  add("uprobe", "posix_memalign", [[
    wanted[tid] = args.arg2
    where[tid] = args.arg0 ]])
  add("uretprobe", "posix_memalign", ([[
    local n, at = wanted[tid], where[tid]
    if n and at then
      wanted[tid] = nil
      local address = cast("__u64", uptr(at))[0]
      %s
    end ]]):format(set(args, "address", BLOCK, "nsecs")))
  add("uprobe", "free", freed(args))
  return list
end

-- What a map has of each block.
local function by_address(tracer, name)
  local values = {}
  for key, value in tracer.maps[name]:view({numbers = true}):pairs() do
    values[key.k1] = value.v
  end
  return values
end

require "lbpf.tool" {
  name = "memleak",
  about = "Memory that a process asked for and has not freed, by stack.",
  options = options,
  columns = {{"bytes", -10, show = text.bytes}, {"blocks", -8}, {"stack"}},
  maps = {"block"},
  compile = {maps = {block = BLOCKS, time = BLOCKS}},
  programs = programs,
  start = function(_, args)
    lbpf.watch_process(args.pid) -- it may end before its stacks are read
  end,
  report = function(tracer, args, out)
    local now, by_stack, list = lbpf.monotonic() - args.older, {}, {}
    local since = args.older > 0 and by_address(tracer, "time")
    for address, block in pairs(by_address(tracer, "block")) do
      local id, bytes = block % 2 ^ 16, math.floor(block / 2 ^ 16)
      if not since or since[address] and since[address] / 1e9 <= now then
        if not by_stack[id] then
          by_stack[id] = {bytes = 0, blocks = 0, id = id}
          list[#list + 1] = by_stack[id]
        end
        by_stack[id].bytes = by_stack[id].bytes + bytes
        by_stack[id].blocks = by_stack[id].blocks + 1
      end
    end
    table.sort(list, function(x, y) return x.bytes > y.bytes end)
    for i = #list, args.top + 1, -1 do
      list[i] = nil
    end
    for _, row in ipairs(list) do
      local frames = row.id < 2 ^ 15 and tracer.stacks:lookup(row.id) -- else an error number
      row.stack = table.concat(frames and lbpf.frames(frames, args.pid) or {"[lost]"}, ";")
    end
    out:table(list)
  end,
}
