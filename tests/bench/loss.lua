-- How many events are lost when another process makes them at a rate: loss.lua OBJECT RATE...
local lbpf = require "lbpf"

local BURSTS = 1000 -- a second
local FIELDS = {"pid", "uid", "ts", "comm", "cookie"}

local function lose(path, rate)
  local object = assert(lbpf.open(path))
  object.maps.ring:set_max_entries(1048576)
  assert(object:load())
  local sum, received, count = 0, 0, math.floor(rate / BURSTS)
  local ring = assert(lbpf.ring_buffer(object.maps.ring, function(pid, uid, ts, comm, cookie)
    sum = sum + pid + uid + ts + #comm + cookie
    received = received + 1
  end, {type = "event", fields = FIELDS}))
  object.vars["state.count"] = count
  local id = lbpf.prog_get_info_by_fd(object.progs.produce:fd()).id
  local producer = io.popen(("build/bench/burst %d %d %d"):format(id, BURSTS, 1e9 / BURSTS))
  local vars = object.vars
  while received + tonumber(vars["state.lost"]) < count * BURSTS do
    if ring:poll(5000) == 0 and received + tonumber(vars["state.lost"]) < count * BURSTS then
      error("no events for five seconds")
    end
  end
  producer:close()
  local lost = tonumber(vars["state.lost"])
  print(("%d a second\t%d\t%d"):format(rate, lost, received + lost))
  ring:close()
  object:close()
end

for i = 2, #arg do
  lose(arg[1], tonumber(arg[i]))
end
