-- Has each of Lua's allocations fail while the lists of option `batch` are made: their events are
-- left for the next call, and counted once. Prints how many failed.
--
--     build/LUA/faults tests/faults/batch_counts.lua
local lbpf = require "lbpf"
local typed = require "typed"

local faults = _G.faults -- see tests/embed/faults.c
local SENT = 20

if jit then
  jit.off() -- see luajit_memory.lua
end

-- Whether an allocation failed, if it was the n-th one.
local function try(n)
  local object = typed.load()
  local ring = assert(lbpf.ring_buffer(object.maps.events, function() end,
    {type = "opened", fields = {"pid", "comm"}, batch = true}))
  typed.run(object, "send", SENT)
  collectgarbage()
  faults.arm("lua", n, 12, true) -- Lua 5.4 tries once more
  pcall(ring.consume, ring)
  local _, failed = faults.disarm()
  assert(ring:consume())
  local counted = ring:stats()[1].events
  assert(counted == SENT, ("allocation %d: %d counted"):format(n, counted))
  ring:close()
  object:close()
  return failed
end

local n = 0
while try(n + 1) do
  n = n + 1
end
print(n .. " calls failed")
