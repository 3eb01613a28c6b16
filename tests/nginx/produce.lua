--- Produces events at a rate, for a time: luajit tests/nginx/produce.lua DIR RATE SECONDS
package.path = "lua/?.lua;lua/?/init.lua;tests/support/?.lua;" .. package.path
package.cpath = "build/luajit/?.so;" .. package.cpath

local lbpf = require "lbpf"
local producer = require("producer").new(arg[1])
local rate, seconds = tonumber(arg[2]), tonumber(arg[3])
local start, dropped = lbpf.monotonic(), producer:dropped()

lbpf.run {seconds = seconds, every = {[0.01] = function()
  local due = math.floor((lbpf.monotonic() - start) * rate) - producer.next
  if due > 0 then
    producer:send(due)
  end
end}}
print(producer.next, producer:dropped() - dropped)
