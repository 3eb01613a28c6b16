--- What this machine does, for Prometheus. In nginx by nginx.conf; as a script, once:
-- lua5.4 examples/metrics/metrics.lua [SECONDS [OBJECT]]

local prometheus = require "lbpf.prometheus"

local function declare(maps)
  return prometheus.new {
    {name = "exec_total", type = "counter", help = "Programs that were started.",
     map = maps.execs, labels = {"comm"}},
    {name = "run_queue_seconds", type = "histogram",
     help = "How long tasks that could run waited for a processor.",
     map = maps.run_queue, slots = "slots", sum = "total", unit = 1e-9},
  }
end

if ... ~= "metrics" then -- not required, but run
  local lbpf = require "lbpf"
  local seconds, path = ...
  local object = assert(lbpf.open(path or "build/bpf/metrics.bpf.o"))
  assert(object:load())
  assert(object:attach())
  lbpf.run {seconds = tonumber(seconds) or 5}
  io.write(declare(object.maps):text())
  object:close()
end

return {declare = declare}
