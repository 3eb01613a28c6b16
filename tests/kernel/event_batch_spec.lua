-- Option `batch`: a function is called for many events, with a list for each field.

local host = require "host"
local lbpf = require "lbpf"
local needs = require "needs"
local typed = require "typed"

local object

local function ring_of(fn, opts)
  opts = opts or {type = "opened", fields = {"pid", "comm", "at[1].x"}}
  opts.batch = true
  return assert(lbpf.ring_buffer(object.maps.events, fn, opts))
end

before_each(function()
  object = typed.load()
end)

after_each(function()
  object:close()
end)

describe("a batch of events", function()
  it("is a list for each field, which is filled again", needs("root", function()
    local calls, lists = {}, {}
    local ring = ring_of(function(n, pids, comms, xs, more)
      assert.is_nil(more)
      lists[pids], lists[comms], lists[xs] = true, true, true
      local call = {}
      for i = 1, n do
        call[i] = {pids[i], comms[i], xs[i]}
      end
      assert.equal(n, #pids)
      assert.equal(n, #comms)
      calls[#calls + 1] = call
    end)
    local expected = 0
    for call, times in ipairs {5, 20, 1, 7} do
      typed.run(object, "send", times)
      assert.equal(times, ring:consume())
      assert.equal(call, #calls)
      assert.equal(times, #calls[call])
      for i = 1, times do
        expected = expected + 1
        assert.same({expected, expected % 2 == 1 and "odd" or "even, 15 chars.", -expected},
          calls[call][i])
      end
    end
    assert.equal(0, ring:consume()) -- which calls nobody
    assert.equal(4, #calls)
    assert.equal(33, ring:stats()[1].events)
    local n = 0
    for _ in pairs(lists) do
      n = n + 1
    end
    assert.equal(3, n)
    ring:close()
  end))

  it("is as long as asked for, and the last if the function returns false", needs("root", function()
    local sizes = {}
    local ring = ring_of(function(n)
      sizes[#sizes + 1] = n
      return #sizes < 2
    end)
    typed.run(object, "send", 10)
    assert.equal(3, ring:consume_n(3))
    assert.equal(2, ring:consume_n(2)) -- returns false
    assert.equal(5, ring:consume())
    assert.same({3, 2, 5}, sizes)
    ring:close()
  end))

  it("is consumed, and no other event, if the function raises", needs("root", function()
    local first, ring = {}
    ring = ring_of(function(_, pids)
      first[#first + 1] = pids[1]
      if #first == 1 then
        error("the first fails", 0)
      end
    end)
    typed.run(object, "send", 10)
    assert.matches("^the first fails", typed.failure(ring.consume_n, ring, 4))
    assert.equal(6, ring:consume())
    assert.same({1, 5}, first)
    assert.equal(10, ring:stats()[1].events)
    ring:close()
  end))

  it("cannot be polled or closed by its function", needs("root", function()
    local messages, ring = {}
    ring = ring_of(function()
      for _, method in ipairs {"close", "consume", "next", "add"} do
        messages[#messages + 1] = typed.failure(ring[method], ring)
      end
    end)
    typed.run(object, "send", 3)
    assert.equal(3, ring:consume())
    for i = 1, 4 do
      assert.matches("inside its own function", messages[i])
    end
    ring:close()
  end))

  it("leaves alone what the script does with the lists", needs("root", function()
    local kept = {}
    local ring = ring_of(function(n, pids, comms)
      kept[#kept + 1] = {pids, rawget(pids, 1), rawget(pids, n), rawget(comms, n)}
      setmetatable(pids, {__newindex = error, __index = error, __len = error})
      setmetatable(comms, {__newindex = error})
      for i = 1, n do
        pids[i] = nil
      end
      rawset(pids, 100, "mine")
    end)
    for _, times in ipairs {4, 9, 2} do
      typed.run(object, "send", times)
      assert.equal(times, ring:consume())
    end
    ring:close()
    for call, expected in ipairs {{1, 4, "even, 15 chars."}, {5, 13, "odd"}, {14, 15, "odd"}} do
      assert.same(expected, {kept[call][2], kept[call][3], kept[call][4]})
      assert.is_true(rawequal(kept[1][1], kept[call][1]))
    end
    assert.equal("mine", rawget(kept[1][1], 100)) -- the script's as long as it has it
  end))

  it("is not disturbed by finalizers that use its buffer", needs("root", function()
    local messages, ring = {}
    local function finalizer()
      for _, method in ipairs {"consume", "close"} do
        messages[#messages + 1] = select(2, pcall(ring[method], ring))
      end
    end
    local function make()
      if newproxy then
        getmetatable(newproxy(true)).__gc = finalizer
      else
        setmetatable({}, {__gc = finalizer})
      end
    end
    local total = 0
    ring = ring_of(function(n, pids)
      for i = 1, n do
        total = total + pids[i]
        make()
        collectgarbage "step"
      end
      collectgarbage()
    end)
    typed.run(object, "send", 40)
    assert.equal(40, ring:consume())
    assert.equal(40 * 41 / 2, total)
    ring:close()
    collectgarbage()
    local inside = 0
    for _, message in ipairs(messages) do
      inside = inside + (tostring(message):find("inside its own function", 1, true) and 1 or 0)
    end
    assert.is_true(inside >= 20)
  end))

  it("ends before an event that is too short", needs("root", function()
    local sizes = {}
    local ring = assert(lbpf.ring_buffer(object.maps.mixed, function(n)
      sizes[#sizes + 1] = n
    end, {type = "closed", fields = {"result"}, batch = true}))
    typed.run(object, "send_mixed", 5) -- the third has one byte
    assert.matches("an event has 1 bytes", typed.failure(ring.consume, ring))
    assert.equal(2, ring:consume())
    assert.same({2, 2}, sizes)
    ring:close()
  end))

  it("may be bytes, or integers", needs("root", function()
    local seen = {}
    local ring = ring_of(function(n, list)
      seen[#seen + 1] = {n, #list[1], list[n] ~= nil}
    end, {})
    typed.run(object, "send", 3)
    assert.equal(3, ring:consume())
    ring:close()
    ring = ring_of(function(n, list)
      seen[#seen + 1] = {n, tonumber(list[1]), list[n] ~= nil}
    end, {type = "__u32"})
    typed.run(object, "send", 2)
    assert.equal(2, ring:consume())
    ring:close()
    assert.same({{3, 56, true}, {2, 1, true}}, seen)
  end))

  it("is pulled as single events", needs("root", function()
    local ring = ring_of(nil)
    typed.run(object, "send", 2)
    assert.same({1, "odd", -1}, {ring:next(0)})
    for pid in ring:events(0) do
      assert.equal(2, pid)
    end
    ring:close()
  end))

  it("of a perf buffer has the CPUs as well", needs("root", function()
    local cpus = {}
    local buffer = assert(lbpf.perf_buffer(object.maps.perf, 8, function(n, pids, list)
      for i = 1, n do
        cpus[pids[i]] = list[i]
      end
    end, nil, {type = "opened", fields = {"pid"}, batch = true}))
    typed.run(object, "send_perf", 6)
    assert.equal(6, buffer:consume())
    for n = 1, 6 do
      assert.equal("number", type(cpus[n]))
    end
    buffer:close()
  end))

  it("needs fields", needs("root", function()
    local events = object.maps.events
    assert.matches("option 'batch' needs option 'fields'",
      typed.failure(lbpf.ring_buffer, events, print, {type = "opened", batch = true}))
    assert.matches("option 'batch' needs option 'fields'",
      typed.failure(lbpf.ring_buffer, events, print, {type = "opened", batch = true, reuse = true}))
    assert.matches("option 'batch' needs events of one type",
      typed.failure(lbpf.ring_buffer, events, print, {type = print, batch = true}))
    assert.matches("'batch'", typed.failure(lbpf.ring_buffer, events, print, {batch = 1}))
  end))

  -- tests/embed/faults.c has the n-th allocation of Lua fail.
  it("loses no event when memory runs out while the lists are made", needs("root", function()
    assert.equal("0\n", host.output("faults", [[
      local lbpf, typed = require "lbpf", require "typed"
      local object = typed.load()
      local lost = 0
      collectgarbage "stop" -- it would make Lua's own stack smaller
      for n = 1, 40 do
        local got = 0
        local ring = assert(lbpf.ring_buffer(object.maps.events, function(count)
          got = got + count
        end, {type = "opened", fields = {"pid", "comm", "mode", "time"}, batch = true}))
        typed.run(object, "send", 1)
        pcall(ring.consume, ring) -- Lua has what it takes to call the function now
        typed.run(object, "send", 30)
        faults.arm("lua", n, 12, true) -- Lua collects, and tries again
        pcall(ring.consume, ring)
        faults.disarm()
        ring:consume()
        lost = lost + 31 - got
        ring:close()
      end
      print(lost) ]]))
  end))
end)
