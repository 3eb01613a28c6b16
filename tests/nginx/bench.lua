-- What events cost an nginx that serves: tests/nginx/run tests/nginx/bench.lua. Prints a table.
--
-- A row is set against one with the same events and nobody who consumes them: the producer, which
-- needs a processor, too, then empties the ring itself. A round has each once, in turn, with an
-- nginx of its own; figures are medians over the rounds. Environment: ROUNDS (7), SECONDS of each
-- run (3), CONNECTIONS of wrk (32). The first table alone: --filter=own
local child = require "child"
local nginx = require "nginx"
local pinned = require "lbpf.pinned"

local PIN = "/sys/fs/bpf/bench"
local URL = "http://127.0.0.1:8080/"
local function number(name, default)
  return tonumber(os.getenv(name) or default)
end
local ROUNDS, SECONDS = number("ROUNDS", 7), number("SECONDS", 3)
local CONNECTIONS = number("CONNECTIONS", 32)

-- Where nginx's workers run, and wrk with the producer. Where they share, a process waits for as
-- long as the scheduler lets another one run: that, and no work of nginx's, is p99 there.
local apart = {name = "one worker on a processor of its own", load = "taskset -c 1 ",
  outside = "worker_processes 1; worker_cpu_affinity 1; thread_pool bpf threads=1; events {}"}
local shared = {name = "two workers, all on the same processors", load = "",
  outside = "worker_processes 2; thread_pool bpf threads=1; events {}"}

local HTTP = ([[
  init_by_lua_block {
    local bpf = require "resty.lbpf"
    object = assert(bpf.load("build/bpf/produce.bpf.o", {pin = "%s"}))
    sum = 0
    events = assert(bpf.consumer(object.maps.produced, function(number)
      sum = sum + number
    end, {type = "struct event", fields = {"number"}, numbers = true, POOL}))
  }
  init_worker_by_lua_block { START }
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
      content_by_lua_block { ngx.say(events:stats().consumed, " ", events:stats().lost) }
    }
  }]]):format(PIN)

local modes = {
  nobody = {START = "", POOL = ""},
  timer = {START = "events:start()", POOL = ""},
  thread = {START = "events:start()", POOL = 'pool = "bpf"'},
}

local function start(where, mode)
  pinned.remove(PIN)
  return nginx.start(nginx.conf(where.outside, (HTTP:gsub("%u+", modes[mode]))))
end

local function consumed(server)
  local n, lost = nginx.get(URL .. "stats"):match("(%d+) (%d+)")
  assert(lost == "0", server:log())
  return tonumber(n)
end

-- Seconds of a processor that the workers have used, with their threads.
local function used(server)
  local sum = 0
  for _, pid in ipairs(server:workers()) do
    for nanoseconds in child.output(("cat /proc/%d/task/*/schedstat"):format(pid))
      :gmatch("(%d+) %d+ %d+\n") do
      sum = sum + nanoseconds / 1e9
    end
  end
  return sum
end

local units = {us = 0.001, ms = 1, s = 1000}

-- Requests per second; half and 99 % of them take at most so many milliseconds.
local function wrk(where, seconds)
  local text = child.output(("%swrk -t1 -c%d -d%d --latency %s"):format(where.load, CONNECTIONS,
    seconds, URL))
  local function percentile(name)
    local n, unit = text:match(name .. "%%%s+([%d.]+)(%a+)")
    return tonumber(n) * units[unit]
  end
  return {requests = tonumber(text:match("Requests/sec:%s+([%d.]+)")), p50 = percentile("50"),
    p99 = percentile("99")}
end

-- Runs FN beside a producer; its result, with `produced`, `dropped` and `taken`.
local function beside(where, rate, mode, fn)
  local server = start(where, mode)
  wrk(where, 1)
  local before = consumed(server)
  local producer = rate > 0 and assert(io.popen(
    ("%sluajit tests/nginx/produce.lua %s %d %d %s"):format(where.load, PIN, rate,
      SECONDS + 1, mode == "nobody" and "alone" or "")))
  child.succeeds("sleep 0.5")
  local result = fn(server)
  if producer then
    local produced, dropped = producer:read("*a"):match("(%d+)%s+(%d+)")
    producer:close()
    result.produced, result.dropped = tonumber(produced), tonumber(dropped)
    result.taken = result.produced - result.dropped
    if mode ~= "nobody" then
      child.wait_until(function() return consumed(server) - before == result.taken end)
    end
  end
  server:stop()
  return result
end

local function median(list)
  table.sort(list)
  return (list[math.floor((#list + 1) / 2)] + list[math.ceil((#list + 1) / 2)]) / 2
end

local function over(rounds, key, name)
  local list = {}
  for i, round in ipairs(rounds) do
    list[i] = round[key][name]
  end
  return median(list)
end

local function total(rounds, key, name)
  local sum = 0
  for _, round in ipairs(rounds) do
    sum = sum + (round[key][name] or 0)
  end
  return sum
end

local runs = {{0, "nobody"}}
for _, rate in ipairs({100000, 2000000}) do
  for _, mode in ipairs({"nobody", "timer", "thread"}) do
    runs[#runs + 1] = {rate, mode}
  end
end

describe("events", function()
  -- A processor without work halts, and in a virtual machine it takes longer than a request to wake
  -- it. So each has work of the lowest priority, which ends with this namespace of processes.
  setup(function()
    child.succeeds("for n in $(seq 0 $(($(nproc) - 1))); do "
      .. "taskset -c $n chrt -i 0 sh -c 'while :; do :; done' & done")
  end)

  after_each(function()
    pinned.remove(PIN)
  end)

  for _, where in ipairs({apart, shared}) do
    it("cost requests, with " .. where.name, function()
      local rounds = {}
      for i = 1, ROUNDS do
        rounds[i] = {}
        for j = 1, #runs do
          local rate, mode = unpack(runs[(i + j) % #runs + 1]) -- none has a place of its own
          rounds[i][rate .. mode] = beside(where, rate, mode, function()
            return wrk(where, SECONDS)
          end)
        end
      end
      print(("\n%s; %d rounds of %d s, %d connections"):format(where.name, ROUNDS, SECONDS,
        CONNECTIONS))
      print("events/s  consumer  requests/s          p50 ms          p99 ms          "
        .. "produced = taken out + dropped")
      for _, run in ipairs(runs) do
        local rate, mode = unpack(run)
        local key, line = rate .. mode, {("%8d  %-8s"):format(rate, mode)}
        for i, name in ipairs({"requests", "p50", "p99"}) do
          local value = over(rounds, key, name)
          line[i + 1] = (i == 1 and "%10.0f" or "%6.2f"):format(value) .. (mode == "nobody"
            and (" "):rep(8) or ("  %5.1f%%"):format(value / over(rounds, rate .. "nobody", name)
            * 100))
        end
        line[5] = ("%d = %d + %d"):format(total(rounds, key, "produced"),
          total(rounds, key, "taken"), total(rounds, key, "dropped"))
        print(table.concat(line, "  "))
      end
      print("targets: 100000 events/s: requests/s at least 97%, p99 at most 110%; "
        .. "2000000: p99 at most 125%")
    end)
  end

  it("cost a processor", function()
    local server = start(apart, "nobody")
    print("\na map's lookup: " .. nginx.get(URL .. "map"))
    server:stop()
    for _, mode in ipairs({"timer", "thread"}) do
      for _, rate in ipairs({100000, 2000000}) do
        local list = {}
        for i = 1, ROUNDS do
          list[i] = beside(apart, rate, mode, function(s)
            local before = used(s)
            child.succeeds("sleep " .. SECONDS)
            return {used = used(s) - before}
          end).used
        end
        print(("%8d  %-8s  %5.2f%% of a processor"):format(rate, mode,
          median(list) / SECONDS * 100))
      end
    end
  end)
end)
