-- Does memory grow with the number of events? soak.lua OBJECT MILLIONS
--
-- Prints by how many KiB the resident memory is larger at the end than after the first tenth.
local lbpf = require "lbpf"

local MILLION = 1000000
local millions = tonumber(arg[2])
local object = assert(lbpf.open(arg[1]))
assert(object.maps.ring:set_max_entries(67108864))
assert(object:load())
object.vars["state.count"] = MILLION

local function resident()
  collectgarbage()
  collectgarbage()
  local file = io.open("/proc/self/status")
  local status = file:read("*a")
  file:close()
  return tonumber(status:match("VmRSS:%s*(%d+)"))
end

local function soak(what, opts, drain)
  local ring = assert(lbpf.ring_buffer(object.maps.ring, drain.fn, opts))
  local early, events = nil, 0
  for i = 1, millions do
    assert(object.progs.produce:test_run())
    events = events + drain.all(ring)
    if i == math.ceil(millions / 10) then
      early = resident()
    end
  end
  print(("%s\t%d\t%d"):format(what, resident() - early, events))
  ring:close()
end

local function consume(ring)
  return ring:consume()
end

local sum = 0
local fields = {"pid", "uid", "ts", "comm", "cookie"}
soak("fields", {type = "event", fields = fields}, {
  all = consume,
  fn = function(pid, uid, ts, comm, cookie)
    sum = pid + uid + ts + #comm + cookie
  end,
})
soak("tables", {type = "event"}, {
  all = consume,
  fn = function(e)
    sum = e.pid + e.uid + e.ts + #e.comm + e.cookie
  end,
})
soak("tables, reuse", {type = "event", reuse = true}, {
  all = consume,
  fn = function(e)
    sum = e.pid + e.uid + e.ts + #e.comm + e.cookie
  end,
})
soak("fields, batch", {type = "event", fields = fields, batch = true}, {
  all = consume,
  fn = function(n, pids, uids, times, comms, cookies)
    for i = 1, n do
      sum = pids[i] + uids[i] + times[i] + #comms[i] + cookies[i]
    end
  end,
})
local by_name = lbpf.aggregate {by = {"comm", "uid"}, sum = "cookie", hist = "ts"}
soak("aggregate", {type = "event"}, {
  all = function(ring)
    by_name:reset()
    return ring:consume() - #by_name:rows() + 10 -- names
  end,
  fn = by_name,
})
soak("fields, pull", {type = "event", fields = fields}, {
  all = function(ring)
    local n = 0
    for pid, uid, ts, comm, cookie in ring:events(0) do
      sum = pid + uid + ts + #comm + cookie
      n = n + 1
    end
    return n
  end,
})
return sum
