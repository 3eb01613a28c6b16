-- Events as Lua values: tables, fields as arguments, and buffers with several types of events.

local lbpf = require "lbpf"
local needs = require "needs"
local typed = require "typed"

local object

local function failure(fn, ...)
  return (typed.failure(fn, ...):gsub("^[^:]+:%d+: ", ""):gsub("to '[^']*'", "to '?'"))
end

local function hex(integer)
  return (tostring(integer):gsub("U?LL$", ""))
end

-- A codec for comparison.
local function time_of(n)
  local codec = object:codec "__u64"
  return hex(codec:decode(codec:encode(("0x%x%08x"):format(0xfedcba98, n))))
end

local function collector()
  local list = {}
  return function(...)
    list[#list + 1] = {...}
  end, list
end

before_each(function()
  object = typed.load()
end)

after_each(function()
  if object then
    object:close()
  end
end)

describe("a typed ring buffer", function()
  it("delivers a table for each event", needs("root", function()
    local fn, list = collector()
    local ring = assert(lbpf.ring_buffer(object.maps.events, fn, {type = "opened"}))
    typed.run(object, "send", 2)
    assert.equal(2, ring:poll(0))
    local e = list[2][1]
    assert.equal(1, e.kind)
    assert.equal(2, e.pid)
    assert.equal(time_of(2), hex(e.time))
    assert.equal("even, 15 chars.", e.comm)
    assert.equal("odd", list[1][1].comm)
    assert.equal(1, e.outcome)
    assert.equal(420, e.mode)
    assert.same({{x = -2, y = 0}, {x = 0, y = 4}}, e.at)
    assert.equal(1, #list[2])
    ring:close()
  end))

  it("delivers an argument for each field", needs("root", function()
    local fn, list = collector()
    local ring = assert(lbpf.ring_buffer(object.maps.events, fn, {type = "struct opened",
      fields = {"pid", "comm", "outcome", "mode", "at[1].x", "time"}, enum_names = true}))
    typed.run(object, "send", 3)
    assert.equal(3, ring:consume())
    for n = 1, 3 do
      local pid, comm, outcome, mode, x, time = (table.unpack or unpack)(list[n])
      assert.equal(n, pid)
      assert.equal(n % 2 == 1 and "odd" or "even, 15 chars.", comm)
      assert.equal(n % 2 == 1 and "ALLOWED" or "DENIED", outcome)
      assert.equal(420, mode)
      assert.equal(-n, x)
      assert.equal(time_of(n), hex(time))
    end
    ring:close()
  end))

  it("is read in a loop", needs("root", function()
    local ring = assert(lbpf.ring_buffer(object.maps.events, nil, {type = "opened",
      fields = {"pid", "comm"}}))
    typed.run(object, "send", 5)
    local n = 0
    for pid, comm in ring:events(0) do
      n = n + 1
      assert.equal(n, pid)
      assert.equal(n % 2 == 1 and "odd" or "even, 15 chars.", comm)
    end
    assert.equal(5, n)
    typed.run(object, "send")
    assert.same({6, "even, 15 chars."}, {ring:next(0)})
    assert.is_nil(ring:next(0))
    ring:close()
  end))

  it("gives 64 bits as numbers where that is asked for", needs("root", function()
    local fn, list = collector()
    local ring = assert(lbpf.ring_buffer(object.maps.events, fn,
      {type = "opened", fields = {"time"}, numbers = true}))
    typed.run(object, "send")
    ring:consume()
    assert.equal("number", type(list[1][1]))
    ring:close()
  end))

  it("tells apart events of several types", needs("root", function()
    local fn, list = collector()
    local picked = {"opened", "closed"}
    local ring = assert(lbpf.ring_buffer(object.maps.mixed, fn, {
      type = function(bytes)
        return picked[bytes:byte(1)]
      end,
      fields = {opened = {"pid", "comm"}},
    }))
    typed.run(object, "send_mixed", 3)
    object:close() -- types are found all the same
    assert.equal(3, ring:poll(0))
    assert.same({"opened", 1, "odd"}, list[1])
    assert.equal("closed", list[2][1])
    assert.equal("-1", hex(list[2][2].result))
    assert.same({nil, "?"}, list[3])
    ring:close()
  end))

  it("cannot be closed or polled by what tells types apart", needs("root", function()
    local ring, buffer
    ring = assert(lbpf.ring_buffer(object.maps.mixed, nil, {type = function(bytes)
      ring[bytes:byte(1) == 1 and "close" or "poll"](ring, 0)
    end}))
    typed.run(object, "send_mixed", 2)
    assert.matches("close%(%) inside its own function", failure(ring.next, ring, 0))
    assert.matches("polled inside its own function", failure(ring.next, ring, 0))
    assert.is_nil(ring:next(0))
    ring:close()
    buffer = assert(lbpf.perf_buffer(object.maps.perf, 1, nil, nil, {type = function()
      object:close()
    end}))
    typed.run(object, "send_perf")
    assert.matches("is busy: close%(%) inside its own callback", failure(buffer.next, buffer, 1000))
    buffer:close()
  end))

  it("has a map for each type, in one buffer", needs("root", function()
    local first, list = collector()
    local second, others = collector()
    local ring = assert(lbpf.ring_buffer(object.maps.events, first,
      {type = "opened", fields = {"pid"}}))
    assert.equal(ring, ring:add(object.maps.mixed, second))
    typed.run(object, "send", 1)
    typed.run(object, "send_mixed", 1)
    typed.run(object, "send", 1)
    assert.equal(3, ring:consume())
    assert.same({{1}, {3}}, list)
    assert.equal(16, #others[1][1]) -- its bytes
    ring:close()
  end))

  it("raises what it cannot decode, and loses no other event", needs("root", function()
    local seen = {}
    local ring = assert(lbpf.ring_buffer(object.maps.mixed, function(pid)
      seen[#seen + 1] = pid
    end, {type = "opened", fields = {"pid", "mode"}}))
    typed.run(object, "send_mixed", 4)
    assert.equal("an event has 16 bytes, and its type 56", failure(ring.consume, ring))
    assert.equal("an event has 1 bytes, and its type 56", failure(ring.consume, ring))
    assert.equal(1, ring:consume())
    assert.same({1, 4}, seen)
    ring:close()
  end))

  it("goes on after that when they are pulled", needs("root", function()
    local ring = assert(lbpf.ring_buffer(object.maps.mixed, nil, {type = "opened",
      fields = {"pid", "mode"}}))
    for first = 1, 7, 3 do -- each time the ring is read anew
      typed.run(object, "send_mixed", 3)
      local list = {}
      for i = 1, 3 do
        list[i] = select(2, pcall(ring.next, ring, 0))
      end
      assert.same({first, "an event has 16 bytes, and its type 56",
        "an event has 1 bytes, and its type 56"}, list)
      assert.is_nil(ring:next(0))
    end
    ring:close()
  end))

  it("says which option is wrong", needs("root", function()
    local events = object.maps.events
    local function refused(opts)
      return failure(lbpf.ring_buffer, events, print, opts)
    end
    assert.matches("^bad argument #3 to '%?' %(option 'type': no type 'open'; there are: opened, ",
      refused {type = "open"})
    assert.equal("bad argument #3 to '?' (option 'fields': there is no 'tid'; it has: "
      .. "pid, kind, time, at, mode, comm, outcome)",
      refused {type = "opened", fields = {"tid"}})
    assert.equal("bad argument #3 to '?' (option 'fields' needs option 'type' or 'layout')",
      refused {fields = {"pid"}})
    assert.equal("bad argument #3 to '?' (option 'type' must be a name or number, or a function)",
      refused {type = true})
    assert.equal("bad argument #3 to '?' (option 'btf' must be BTF)",
      refused {type = "opened", btf = object})
    assert.matches("unknown option 'field'; expected one of: type, layout, btf, fields, bytes, ",
      refused {type = "opened", field = {"pid"}})
    assert.matches("no BTF to look it up in", failure(lbpf.ring_buffer, events:fd(), print,
      {type = "opened"}))
    local ring = assert(lbpf.ring_buffer(events:fd(), print, {type = "opened", btf = object:btf()}))
    ring:close()
    ring = assert(lbpf.ring_buffer(object.maps.mixed, nil, {type = function() return true end}))
    typed.run(object, "send_mixed")
    assert.equal("function 'type' must return a name or nil, not boolean",
      failure(ring.next, ring, 0))
    ring:close()
    ring = assert(lbpf.ring_buffer(object.maps.mixed, nil, {type = function() return "no" end}))
    typed.run(object, "send_mixed")
    assert.matches("this event: no type 'no'", failure(ring.next, ring, 0))
    ring:close()
  end))

  it("counts what was lost, where the program counts it", needs("root", function()
    local ring = assert(lbpf.ring_buffer(object.maps.events, nil, {type = "opened"}))
    assert(ring:add(object.maps.mixed))
    typed.run(object, "send", 100)
    local stats = ring:stats()
    assert.is_true(tonumber(stats[1].lost) > 0)
    assert.equal(100, tonumber(stats[1].lost) + stats[1].waiting / 64)
    assert.is_nil(stats[2].lost)
    object:close()
    assert.is_nil(ring:stats()[1].lost)
    ring:close()
  end))
end)

describe("a typed perf buffer", function()
  it("delivers tables, or fields, and the CPU", needs("root", function()
    for opts, check in pairs({
      [{type = "opened"}] = function(e, cpu)
        assert.equal(1, e.kind)
        return e.pid, cpu
      end,
      [{type = "opened", fields = {"pid"}}] = function(pid, cpu)
        return pid, cpu
      end,
    }) do
      local list = {}
      local buffer = assert(lbpf.perf_buffer(object.maps.perf, 1, function(...)
        list[#list + 1] = {check(...)}
      end, nil, opts))
      local first = tonumber(object.vars.n)
      typed.run(object, "send_perf", 2)
      assert.equal(2, buffer:poll(1000))
      assert.equal(first + 1, list[1][1])
      assert.is_true(list[1][2] < lbpf.num_possible_cpus())
      buffer:close()
    end
  end))
end)

describe("a typed user ring buffer", function()
  it("sends values", needs({"root", "user rings"}, function()
    object:close()
    object = assert(assert(lbpf.open("build/bpf/orders.bpf.o")):load())
    local orders = object.maps.orders
    local ring = assert(lbpf.user_ring_buffer(orders, {type = "order"}))
    assert.equal(ring, ring:send {kind = 7, result = -8})
    typed.run(object, "drain")
    assert.equal(7, object.vars.order.kind)
    assert.equal("-8", hex(object.vars.order.result))
    assert.equal(ring, ring:send(("\9"):rep(16)))
    typed.run(object, "drain")
    assert.equal(0x09090909, object.vars.order.kind)
    assert.equal("bad argument #2 to '?' (kind: the integer does not fit)",
      failure(ring.send, ring, {kind = -1}))
    assert.equal("bad argument #2 to '?' (option 'type' must be a name)",
      failure(lbpf.user_ring_buffer, orders, {type = function() end}))
    ring:close()
  end))
end)
