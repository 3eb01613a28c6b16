-- What events cost an nginx that serves: tests/nginx/run tests/nginx/bench.lua. Prints a table.
local nginx = require "nginx"
local pinned = require "lbpf.pinned"

local PIN = "/sys/fs/bpf/bench"
local ROUNDS, SECONDS = tonumber(os.getenv("ROUNDS") or 5), 4

local CONF = ([[
  init_by_lua_block {
    local bpf = require "resty.lbpf"
    object = assert(bpf.load("build/bpf/produce.bpf.o", {pin = "%s"}))
    sum = 0
    events = assert(bpf.consumer(object.maps.produced, function(number)
      sum = sum + number
    end, {type = "struct event", fields = {"number"}, numbers = true, POOL
      dropped = function() return tonumber(object.maps.dropped:lookup(0)) end}))
  }
  init_worker_by_lua_block { events:start() }
  server {
    listen 127.0.0.1:8080;
    location / { content_by_lua_block { ngx.say("hello") } }
    location /map {
      content_by_lua_block {
        local map, now = object.maps.dropped, require("lbpf.nginx.system").now
        local n = 1000000
        local start = now()
        for _ = 1, n do map:lookup(0) end
        ngx.say(("%%.0f ns"):format((now() - start) / n * 1e9))
      }
    }
    location /stats {
      content_by_lua_block {
        local s = events:stats()
        ngx.say(s.consumed, " ", s.lost, " ", s.dropped)
      }
    }
  }]]):format(PIN)

local function stats()
  local consumed, lost, dropped = nginx.get("http://127.0.0.1:8080/stats")
    :match("(%d+) (%d+) (%d+)")
  return tonumber(consumed), tonumber(lost), tonumber(dropped)
end

local units = {us = 0.001, ms = 1, s = 1000}

local function wrk()
  local pipe = assert(io.popen(("wrk -t1 -c%s -d%d --latency http://127.0.0.1:8080/")
    :format(os.getenv("CONNECTIONS") or 32, SECONDS)))
  local text = pipe:read("*a")
  pipe:close()
  local p99, unit = text:match("99%%%s+([%d.]+)(%a+)")
  return tonumber(text:match("Requests/sec:%s+([%d.]+)")), tonumber(p99) * units[unit]
end

local function median(list)
  table.sort(list)
  return list[math.floor((#list + 1) / 2)]
end

local function measure(rate)
  local before = {stats()}
  local producer = rate > 0 and assert(io.popen(("luajit tests/nginx/produce.lua %s %d %d")
    :format(PIN, rate, SECONDS + 1)))
  if producer then
    os.execute("sleep 0.5")
  end
  local requests, p99 = wrk()
  local produced, dropped = 0, 0
  if producer then
    produced, dropped = producer:read("*a"):match("(%d+)%s+(%d+)")
    producer:close()
    os.execute("sleep 0.5")
  end
  local after = {stats()}
  return {requests = requests, p99 = p99, produced = tonumber(produced),
    dropped = tonumber(dropped), consumed = after[1] - before[1]}
end

describe("the cost of events", function()
  for _, pool in ipairs({"", 'pool = "bpf",'}) do
    it(pool == "" and "with a timer" or "with a thread", function()
      local server = nginx.start(nginx.conf(
        "worker_processes 2; thread_pool bpf threads=1; events {}", (CONF:gsub("POOL", pool))))
      print("a map's lookup: " .. nginx.get("http://127.0.0.1:8080/map"))
      local rates, all = {0, 100000, 2000000}, {}
      wrk()
      for _ = 1, ROUNDS do
        for _, rate in ipairs(rates) do
          all[rate] = all[rate]
            or {requests = {}, p99 = {}, produced = 0, dropped = 0, consumed = 0}
          local one, sum = measure(rate), all[rate]
          table.insert(sum.requests, one.requests)
          table.insert(sum.p99, one.p99)
          for _, name in ipairs({"produced", "dropped", "consumed"}) do
            sum[name] = sum[name] + one[name]
          end
        end
      end
      print(pool == "" and "timer" or "thread",
        "events/s  requests/s  of none  p99 ms  of none  produced = consumed + dropped")
      local none = {median(all[0].requests), median(all[0].p99)}
      for _, rate in ipairs(rates) do
        local r = all[rate]
        print(("%16d  %10.0f  %6.1f%%  %6.2f  %6.1f%%  %d = %d + %d%s"):format(rate,
          median(r.requests), median(r.requests) / none[1] * 100, median(r.p99),
          median(r.p99) / none[2] * 100, r.produced, r.consumed, r.dropped,
          r.produced == r.consumed + r.dropped and "" or " (!)"))
      end
      server:stop()
      pinned.remove(PIN)
    end)
  end
end)
