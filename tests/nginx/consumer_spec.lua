-- Events are consumed by one worker at a time, once each, or counted as lost.
local child = require "child"
local nginx = require "nginx"
local pinned = require "lbpf.pinned"
local producer = require "producer"

local PIN = "/sys/fs/bpf/consumer"
local URL = "http://127.0.0.1:8080"

-- The function of the consumer, its options, and what else is configured.
local function conf(fn, opts, outside, http)
  return nginx.conf("worker_processes 4; events {} " .. (outside or ""), ([[
    lua_shared_dict seen 20m;
    init_by_lua_block {
      local bpf = require "resty.lbpf"
      local seen = ngx.shared.seen
      object = assert(bpf.load("build/bpf/produce.bpf.o", {pin = "%s"}))
      events = assert(bpf.consumer(object.maps.produced, %s, {
        type = "struct event", fields = {"number"}, numbers = true,
        dropped = function() return tonumber(object.maps.dropped:lookup(0)) end, %s
      }))
    }
    init_worker_by_lua_block { events:start() }
    server {
      listen 127.0.0.1:8080;
      # the worker that consumes
      location /worker { content_by_lua_block { ngx.say(ngx.shared.seen:get("worker") or 0) } }
      location /stats {
        content_by_lua_block {
          local s = events:stats()
          ngx.say(("consumed %%d failed %%d lost %%d dropped %%d waiting %%d")
            :format(s.consumed, s.failed, s.lost, s.dropped, s.waiting))
        }
      }
      # how often each number was seen: none, once, more
      location /seen {
        content_by_lua_block {
          local count = {[0] = 0, 0, 0}
          for number = 0, tonumber(ngx.var.arg_n) - 1 do
            local n = ngx.shared.seen:get(number) or 0
            count[math.min(n, 2)] = count[math.min(n, 2)] + 1
          end
          ngx.say(table.concat(count, " ", 0))
        }
      }
      %s
    }]]):format(PIN, fn, opts or "", http or ""))
end

local COUNT = [[function(number)
  seen:incr(number, 1, 0)
  seen:set("worker", ngx.worker.pid())
end]]

describe("a consumer", function()
  local server, events

  local function start(...)
    server = nginx.start(conf(...))
    events = producer.new(PIN)
  end

  local function stats()
    local s = {}
    for name, n in nginx.get(URL .. "/stats"):gmatch("(%a+) (%d+)") do
      s[name] = tonumber(n)
    end
    return s
  end

  -- Until all that were sent are consumed, or lost.
  local function settled()
    local s
    child.wait_until(function()
      s = stats()
      return s.consumed + s.lost + s.dropped == events.next
    end)
    return s
  end

  local function worker()
    return tonumber((nginx.get(URL .. "/worker")))
  end

  after_each(function()
    server:stop()
    if events then
      events:close()
    end
    assert.is_true(pinned.remove(PIN))
  end)

  it("takes each event once, with four workers", function()
    start(COUNT)
    for _ = 1, 100 do
      events:send(100)
    end
    assert.same({consumed = 10000, failed = 0, lost = 0, dropped = 0, waiting = 0}, settled())
    assert.equal("0 10000 0\n", (nginx.get(URL .. "/seen?n=10000")))
  end)

  it("goes on in another worker when its own is killed, and counts the event in hand", function()
    start([[function(number)
      seen:incr(number, 1, 0)
      seen:set("worker", ngx.worker.pid())
      ngx.sleep(number % 100 == 99 and 0.05 or 0)
    end]])
    for _ = 1, 5 do
      events:send(400)
      local pid = worker()
      child.wait_until(function()
        pid = worker()
        return pid ~= 0 and nginx.is_alive(pid)
      end)
      server:kill_worker(pid)
    end
    local s = settled()
    assert.equal(2000, s.consumed + s.lost)
    assert.is_true(s.lost <= 5)
    assert.equal(0, s.waiting)
    local none, once, more = nginx.get(URL .. "/seen?n=2000"):match("(%d+) (%d+) (%d+)")
    assert.equal(0, tonumber(more))
    -- the event in hand was seen, or not
    assert.is_true(tonumber(none) <= s.lost)
    assert.is_true(tonumber(once) >= s.consumed)
  end)

  it("is handed over in reloads and restarts, with its account", function()
    start(COUNT)
    for _ = 1, 3 do
      events:send(500)
      server:reload()
      events:send(500)
    end
    assert.equal(3000, settled().consumed)
    assert.equal("0 3000 0\n", (nginx.get(URL .. "/seen?n=3000")))
    server:stop()
    events:send(500) -- they wait
    server = nginx.start(conf(COUNT))
    assert.same({consumed = 3500, failed = 0, lost = 0, dropped = 0, waiting = 0}, settled())
  end)

  it("goes over to the workers of a new binary, one at a time", function()
    start(COUNT)
    events:send(500)
    local old = server.master
    nginx.kill(old, "USR2")
    child.wait_until(function()
      local file = io.open(server.dir .. "/nginx.pid")
      server.master = file and tonumber(file:read("*a"))
      if file then
        file:close()
      end
      return server.master and server.master ~= old and #server:workers() == 4
    end)
    events:send(500) -- all eight are there
    nginx.kill(old, "QUIT")
    events:send(500)
    child.wait_until(function() return not nginx.is_alive(old) end)
    events:send(500)
    assert.equal(2000, settled().consumed)
    assert.equal(0, stats().lost)
  end)

  it("counts errors of its function, and goes on", function()
    start([[function(number)
      if number % 10 == 3 then error("of number " .. number) end
    end]])
    events:send(100)
    assert.same({consumed = 100, failed = 10, lost = 0, dropped = 0, waiting = 0}, settled())
    assert.matches("a consumer's function failed: .*of number 3", server:log())
  end)

  it("counts what does not fit into the ring", function()
    start("function() ngx.sleep(0.01) end")
    events:send(100000)
    assert.is_true(events:dropped() > 50000)
    local s = stats()
    assert.equal(events:dropped(), s.dropped)
    assert.is_true(s.waiting > 0)
  end)

  it("survives any number in the memory that all workers share", function()
    start(COUNT, nil, nil, [[
      location /write {
        content_by_lua_block {
          local accounts = events.accounts
          accounts.valid = tonumber(ngx.var.arg_valid)
          for side = 0, 1 do
            accounts.side[side].position = tonumber(ngx.var.arg_valid)
          end
          ngx.say(ngx.worker.pid())
        }
      }
    ]])
    events:send(10)
    settled()
    for _, valid in ipairs {"2", "-1", "1e6", "-1e15", "1e300", "0.5", "nan", "inf", "-inf"} do
      local pids = #server:workers()
      assert.matches("^%d+\n$", (nginx.get(URL .. "/write?valid=" .. valid)))
      assert.is_true(stats().consumed ~= nil)
      events:send(10)
      child.wait_until(function() return stats().waiting == 0 end)
      assert.equal(pids, #server:workers())
    end
    assert.not_matches("exited on signal", server:log())
  end)

  it("says once that its function blocks nginx", function()
    start([[function(number)
      local ffi = require "ffi"
      if number % 10 == 0 then
        ffi.cdef "int usleep(unsigned)"
        ffi.C.usleep(200000)
      else
        ngx.sleep(0.15)
      end
    end]])
    events:send(30)
    settled()
    local _, told = server:log():gsub("a consumer's function has blocked nginx for 0.2 s", "")
    assert.equal(1, told)
  end)

  it("is refused where it is declared, if a field is misspelt", function()
    local ok, message = pcall(start, COUNT, 'fields = {"nunber"}')
    assert.is_false(ok)
    assert.matches("nunber", message)
    ok, message = pcall(start, COUNT, 'filds = {"number"}')
    assert.is_false(ok)
    assert.matches("unknown option 'filds'; expected one of: fields, ", message, 1, true)
    start(COUNT)
    local names = table.concat(require "lbpf".pins(PIN), " ")
    assert.matches("state%-produced%f[^%w-]", names .. " ")
    server:configure(conf(COUNT, 'fields = {"nunber"}'))
    local workers = server:workers()
    nginx.kill(server.master, "HUP")
    child.wait_until(function() return server:log():find("nunber", 1, true) end)
    assert.same(workers, server:workers()) -- the old configuration goes on
    events:send(10)
    assert.equal(10, settled().consumed)
  end)

  it("may have its events' layout", function()
    start(COUNT, 'layout = "struct own { u64 number; char text[32]; };", type = "struct own"')
    events:send(10)
    assert.equal(10, settled().consumed)
    assert.equal("0 10 0", (nginx.get(URL .. "/seen?n=10"):gsub("\n", "")))
  end)

  it("may sleep and use cosockets in its function", function()
    start([[function(number)
      ngx.sleep(0.001)
      local socket = ngx.socket.tcp()
      assert(socket:connect("127.0.0.1", 8080))
      assert(socket:send("GET /echo?" .. number .. " HTTP/1.0\r\n\r\n"))
      assert(socket:receive("*a"):find("got " .. number, 1, true))
      socket:close()
      seen:incr(number, 1, 0)
    end]], nil, nil, [[
      location /echo {
        content_by_lua_block { ngx.sleep(0.002) ngx.say("got ", ngx.var.args) }
      }
    ]])
    events:send(300)
    assert.same({consumed = 300, failed = 0, lost = 0, dropped = 0, waiting = 0}, settled())
    assert.equal("0 300 0\n", (nginx.get(URL .. "/seen?n=300")))
  end)

  it("waits in a thread where there is a pool", function()
    start(COUNT, 'pool = "bpf"', "thread_pool bpf threads=1;")
    for _ = 1, 20 do
      events:send(50)
    end
    assert.equal(1000, settled().consumed)
    assert.equal("0 1000 0\n", (nginx.get(URL .. "/seen?n=1000")))
    server:kill_worker(worker())
    events:send(1000)
    assert.equal(2000, settled().consumed + stats().lost)
    server:reload()
    events:send(1000)
    assert.equal(3000, settled().consumed + stats().lost)
  end)
end)
