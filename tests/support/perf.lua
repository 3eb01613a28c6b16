--- The object of tests/bpf/perf.bpf.c: it sends events into perf buffers when it is told.
local child = require "child"
local events = require "events"
local lbpf = require "lbpf"
local rings = require "rings"

local perf = {}

--- The most events that one call of send() can ask for, and the largest.
perf.MANY = 1024
perf.LARGEST = 1024

--- Opens, loads and attaches it.
function perf.load()
  local object = assert(lbpf.open("build/bpf/perf.bpf.o"))
  assert(object:load())
  assert(object.progs.fill:attach())
  return object
end

--- Tries to send N events of SIZE bytes, nil: 8, to a KEY of the map, nil: this CPU's.
function perf.send(object, n, size, key)
  local u32 = events.u32
  assert(object.maps.order:update(0,
    u32(child.kernel_pid()) .. u32(n) .. u32(size or 8) .. u32(key or 0xffffffff)))
  os.rename("no/such/file", "no/such/file either")
end

--- How many events there was room for.
function perf.sent(object)
  return rings.number(object.maps[".bss"]:lookup(0))
end

--- Keeps this process on one CPU, or on all; false if there is no such CPU online.
function perf.pin(cpu)
  return child.succeeds(("taskset -pc %s %d >/dev/null 2>&1"):format(cpu or "0-1023", child.pid()))
end

--- For before_each(): the object of a spec, which runs on the first CPU.
function perf.begin()
  local object = perf.load()
  perf.pin(0)
  return object
end

--- For after_each(): the buffer may be nil.
function perf.finish(object, buffer)
  perf.pin()
  if buffer then
    buffer:close()
  end
  object:close()
end

return perf
