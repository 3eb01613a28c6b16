-- What LuaJIT itself needs for the events that drain.lua takes from a ring: they are in memory, and
-- a compiled loop adds up the same fields. A ring and its copies are more. The memory is none of
-- LuaJIT's, which would collect garbage less often the more it has.
local ffi = require "ffi"
local system = require "system"

ffi.cdef [[
struct event { uint32_t pid, uid; uint64_t ts; char comm[16]; uint64_t cookie; };
void *malloc(size_t size);
]]

local count, repeats = tonumber(arg[2]), tonumber(arg[3])
local events = ffi.cast("struct event *", ffi.C.malloc(count * ffi.sizeof "struct event"))
for i = 0, count - 1 do
  events[i] = {i, 1000, i * 3ULL, ("%d-hello-world"):format(i % 10), 0x100000000ULL + i}
end

local sum
local accumulator = ffi.new("uint64_t[1]")

local function accumulate()
  accumulator[0] = 0
  for i = 0, count - 1 do
    local e = events[i]
    accumulator[0] = accumulator[0] + e.pid + e.uid + e.ts + #ffi.string(e.comm) + e.cookie
  end
  return accumulator[0]
end

local function numbers()
  for i = 0, count - 1 do
    local e = events[i]
    sum = sum + e.pid + e.uid + tonumber(e.ts) + #ffi.string(e.comm) + tonumber(e.cookie)
  end
  return sum
end

local function two()
  for i = 0, count - 1 do
    local e = events[i]
    sum = sum + e.pid + #ffi.string(e.comm)
  end
  return sum
end

local event = {}

local function on_table(e)
  sum = sum + e.pid + e.uid + e.ts + #e.comm + e.cookie
end

local function reuse()
  for i = 0, count - 1 do
    local e = events[i]
    event.pid, event.uid, event.ts, event.cookie = e.pid, e.uid, e.ts, e.cookie
    event.comm = ffi.string(e.comm)
    on_table(event)
  end
  return sum
end

local function measure(what, run)
  sum = 0
  run() -- compiled
  sum = 0
  collectgarbage()
  local start = system.monotime()
  local checksum = run()
  print(("%s\t%.2f\t%.0f"):format(what, (system.monotime() - start) / count * 1e9,
    tonumber(checksum)))
end

for _ = 1, repeats do
  measure("five fields, accumulator", accumulate)
  measure("five fields, numbers", numbers)
  measure("two fields", two)
  measure("whole event, reuse", reuse)
end
