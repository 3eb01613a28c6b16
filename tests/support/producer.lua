--- What makes events in the ring that nginx consumes.
local lbpf = require "lbpf"

local producer = {}
producer.__index = producer

--- @param dir where the maps of build/bpf/produce.bpf.o are pinned
function producer.new(dir)
  local object = assert(lbpf.open("build/bpf/produce.bpf.o"))
  for _, name in ipairs({"produced", "dropped"}) do
    object.maps[name]:set_pin_path(dir .. "/" .. name)
  end
  assert(object:load())
  return setmetatable({object = object, next = 0,
    order = assert(object:codec("struct order"))}, producer)
end

--- Produces events, with the numbers that follow.
function producer:send(events)
  local order = self.order:encode({first = self.next, events = events})
  assert(self.object.progs.produce:test_run({ctx_in = order}))
  self.next = self.next + events
end

function producer:dropped()
  return tonumber(self.object.maps.dropped:lookup(0))
end

function producer:close()
  self.object:close()
end

return producer
