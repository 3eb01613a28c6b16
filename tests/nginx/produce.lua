--- Produces events at a rate, for a time: luajit tests/nginx/produce.lua DIR RATE SECONDS [alone]
-- Alone: nobody consumes. It then empties the ring itself, by one store each time, so that it has
-- the same work as with a consumer. Prints how many were produced and dropped.
package.path = "lua/?.lua;lua/?/init.lua;tests/support/?.lua;" .. package.path
package.cpath = "build/luajit/?.so;" .. package.cpath

local lbpf = require "lbpf"
local system = require "lbpf.nginx.system"
local producer = require("producer").new(arg[1])
local rate, seconds, alone = tonumber(arg[2]), tonumber(arg[3]), arg[4] == "alone"
local fd = producer.object.maps.produced:fd()
local consumed, page = system.share(fd, "volatile unsigned long *", 1)
local positions, pages = system.share(fd, "const volatile unsigned long *", 2)
assert(consumed and positions, page or pages)
local start, dropped = lbpf.monotonic(), producer:dropped()

lbpf.run {seconds = seconds, every = {[0.01] = function()
  local due = math.floor((lbpf.monotonic() - start) * rate) - producer.next
  if alone then
    consumed[0] = positions[system.PAGE / 8]
  end
  if due > 0 then
    producer:send(due)
  end
end}}
print(producer.next, producer:dropped() - dropped)
