--- The object of tests/bpf/ring.bpf.c: it sends events into ring buffers when it is told.
local child = require "child"
local events = require "events"
local lbpf = require "lbpf"

local rings = {}

--- The most events that one call of send() can ask for.
rings.MANY = 1024

--- The size of a large event.
rings.LARGE = 65536

--- Opens, loads and attaches it.
function rings.load()
  local object = assert(lbpf.open("build/bpf/ring.bpf.o"))
  assert(object:load())
  assert(object.progs.fill:attach())
  return object
end

--- Sends so many events into the first map, into the second, and large ones into the first.
-- DISCARDS: after each event but the large ones, another is discarded.
function rings.send(object, first, second, large, discards)
  local u32 = events.u32
  assert(object.maps.order:update(0, u32(child.kernel_pid()) .. u32(first) .. u32(second or 0)
    .. u32(large or 0) .. u32(discards and 1 or 0)))
  os.rename("no/such/file", "no/such/file either")
end

--- Closes it, and a ring buffer, if there is one.
function rings.close(object, ring)
  if ring then
    ring:close()
  end
  object:close()
end

--- The number that an event starts with: how many were sent before it.
function rings.number(bytes)
  local n = 0
  for i = 4, 1, -1 do
    n = n * 256 + bytes:byte(i)
  end
  return n
end

--- A function for a ring buffer that appends each event's number to a list, and the list.
function rings.collector()
  local list = {}
  return function(bytes)
    list[#list + 1] = rings.number(bytes)
  end, list
end

--- {first, ..., last}
function rings.range(first, last)
  local list = {}
  for n = first, last do
    list[#list + 1] = n
  end
  return list
end

--- Is the descriptor readable? Another process looks.
function rings.readable(fd)
  local _, status = child.output(("build/helpers/other_process %d %d readable")
    :format(child.pid(), fd))
  assert(status < 2, status)
  return status == 0
end

return rings
