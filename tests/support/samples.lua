--- The object of tests/bpf/userring.bpf.c: it takes samples from a user ring buffer when told.
local child = require "child"
local events = require "events"
local lbpf = require "lbpf"

local samples = {}

--- Room for samples, in bytes, each with a header of 8.
samples.RING = 4096

--- Opens, loads and attaches it.
-- @param pid the process whose rename() drains the ring; this one unless given
function samples.load(pid)
  local object = assert(lbpf.open("build/bpf/userring.bpf.o"))
  assert(object:load())
  assert(object.maps.target:update(0, pid or child.kernel_pid()))
  assert(object.progs.drain:attach())
  return object
end

--- Drains, and returns how many samples were ever drained.
function samples.drain(object)
  os.rename("no/such/file", "no/such/file either")
  return tonumber(object.maps.seen:lookup(0).count)
end

--- The first 16 bytes of the I-th sample that was drained.
function samples.kept(object, i)
  return object.maps.seen:view({raw = true}):lookup(events.u32(0)):sub(16 * i - 7, 16 * i + 8)
end

return samples
