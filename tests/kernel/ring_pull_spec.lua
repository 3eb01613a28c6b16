-- Ring buffers, event by event: next() and events(), one ring alone, and what is known of each.
local garbage = require "garbage"
local lbpf = require "lbpf"
local needs = require "needs"
local rings = require "rings"

-- A sample of tests/bpf/ring.bpf.c in the ring: 16 bytes, and a header of 8.
local SAMPLE = 24

describe("ring_buffer, pulled", function()
  local object, ring

  before_each(needs("root", function()
    object = rings.load()
    ring = assert(lbpf.ring_buffer(object.maps.first))
  end))

  after_each(function()
    ring:close()
    object:close()
  end)

  it("gives one event after the other, and then nothing", needs("root", function()
    rings.send(object, 3)
    assert.equal(0, rings.number(ring:next()))
    assert.equal(1, rings.number(ring:next(60000)))
    assert.equal(2, rings.number(ring:next(0)))
    assert.equal("nil", tostring(ring:next(0)))
    assert.equal("nil", tostring(ring:next(1)))
    rings.send(object, 1)
    assert.equal(("\3" .. ("\0"):rep(7)) .. "\240\255\255\63" .. ("\0"):rep(4), ring:next())
  end))

  it("leaves events in the ring until they are returned", needs("root", function()
    rings.send(object, 3)
    assert.equal(0, rings.number(ring:next(0, 1)))
    assert.equal(2 * SAMPLE, ring:ring(0):avail_data_size())
    assert.equal(1, rings.number(ring:next(0)))
    assert.equal(SAMPLE, ring:ring(0):avail_data_size())
    ring:close()
    ring = assert(lbpf.ring_buffer(object.maps.first))
    assert.equal(2, rings.number(ring:next(0)))
    assert.equal(0, ring:ring(0):avail_data_size())
    assert.error_matches(function() ring:next(0, 0) end, "#2.*not in 1 to 2147483647")
  end))

  it("loops over events, in whose body anything is allowed", needs("root", function()
    rings.send(object, 4)
    local seen = {}
    local thread = coroutine.wrap(function()
      for bytes in ring:events(0) do
        coroutine.yield(rings.number(bytes))
      end
      return "done"
    end)
    assert.equal(0, thread())
    assert.equal(1, thread())
    rings.send(object, 1)
    assert.equal(2, rings.number(ring:next())) -- which the loop does not see
    assert.equal(3, thread())
    assert.equal(4, thread())
    assert.equal("done", thread())
    rings.send(object, 3)
    for bytes in ring:events() do
      seen[#seen + 1] = rings.number(bytes)
      if #seen == 3 then
        break
      end
    end
    assert.same(rings.range(5, 7), seen)
    rings.send(object, 1)
    assert.error_matches(function()
      for _ in ring:events() do
        ring:close()
      end
    end, "ring buffer is closed")
  end))

  it("does not call the function, and the other style takes over", needs("root", function()
    local fn, list = rings.collector()
    ring:close()
    ring = assert(lbpf.ring_buffer(object.maps.first, fn))
    rings.send(object, 5)
    assert.equal(0, rings.number(ring:next()))
    assert.equal(2, ring:consume_n(2))
    assert.equal(3, rings.number(ring:next()))
    assert.equal(1, ring:poll(0))
    assert.same({1, 2, 4}, list)
    rings.send(object, 1)
    assert.equal(5, rings.number(ring:next(0)))
    assert.same({1, 2, 4}, list)
  end))

  -- Pulls events by NEXT until there are none, and as many again by finalizers, which Lua runs at
  -- any allocation: the numbers of all.
  local function pull(send, next_number, n)
    local seen, over = {}, false
    local function note(number)
      seen[number] = (seen[number] or 0) + 1
      return number
    end
    local function finalizer()
      local number = not over and next_number()
      return number and note(number)
    end
    collectgarbage("setpause", 1)
    for _ = 1, n do
      send()
      local number = next_number()
      while number do
        note(number)
        garbage.drop(finalizer)
        number = next_number()
      end
    end
    collectgarbage("setpause", 200)
    over = true
    return seen
  end

  local function assert_each_once(n, seen)
    for i = 0, n - 1 do
      assert(seen[i] == 1, ("event %d was seen %d times"):format(i, seen[i] or 0))
    end
    assert.is_nil(seen[n])
  end

  it("may be polled by a finalizer while an event is made into values", needs("root", function()
    ring:close()
    ring = assert(lbpf.ring_buffer(object.maps.first, nil, {type = "event", numbers = true}))
    assert_each_once(20000, pull(function() rings.send(object, 1000) end, function()
      local e = ring:next(0, 1)
      return e and e.number
    end, 20))
  end))

  it("may be closed by a finalizer while an event is made into values", needs("root", function()
    local closed = 0
    collectgarbage("setpause", 1)
    for _ = 1, 200 do
      ring:close()
      local one = assert(lbpf.ring_buffer(object.maps.first, nil, {type = "event"}))
      ring = one
      rings.send(object, 200)
      local ok, message = pcall(function()
        for e in one:events(0) do
          assert.equal(0x3ffffff0, e.garbage)
          garbage.drop(function() one:close() end)
        end
      end)
      if not ok then
        assert.matches("ring buffer is closed$", message)
        closed = closed + 1
      end
    end
    collectgarbage("setpause", 200)
    assert.is_true(closed > 0)
  end))

  it("may be polled by a finalizer while a large event is copied", needs("root", function()
    assert_each_once(800, pull(function() rings.send(object, 0, 0, 8) end, function()
      local bytes = ring:next(0, 1)
      if bytes then
        assert.equal(bytes:sub(1, 8), bytes:sub(-8))
        return rings.number(bytes)
      end
    end, 100))
  end))

  it("says that there is no function to call, and loses no event", needs("root", function()
    rings.send(object, 2)
    for _, method in ipairs({"poll", "consume"}) do
      assert.error_matches(function() ring[method](ring) end,
        "ring buffer has no function: use next%(%) or events%(%)")
    end
    assert.equal(0, rings.number(ring:next()))
    assert.equal(1, rings.number(ring:next()))
  end))

  it("is refused inside a function", needs("root", function()
    local seen
    ring:close()
    ring = assert(lbpf.ring_buffer(object.maps.first, function()
      seen = {pcall(ring.next, ring, 0)}
    end))
    rings.send(object, 1)
    assert.equal(1, ring:poll())
    assert.same({false, "ring buffer is busy: polled inside its own function"}, seen)
  end))

  it("consumes no more with consume_n, though more was copied before", needs("root", function()
    local list = {}
    ring:close()
    ring = assert(lbpf.ring_buffer(object.maps.first, function(bytes)
      list[#list + 1] = rings.number(bytes)
      return #list ~= 1
    end))
    rings.send(object, 6)
    assert.equal(1, ring:poll()) -- all are copied
    assert.equal(2, ring:consume_n(2))
    assert.same(rings.range(0, 2), list)
    assert.equal(3, ring:consume_n(4))
    assert.same(rings.range(0, 5), list)
  end))

  it("ends a call in a flood", needs("root", function()
    local calls = 0
    ring:close()
    ring = assert(lbpf.ring_buffer(object.maps.second, function()
      calls = calls + 1
      rings.send(object, 0, 2)
    end))
    rings.send(object, 0, 16)
    assert.equal(ring:poll(), calls)
    assert.is_true(ring:stats()[1].waiting > 0)
  end))

  it("has a descriptor that is readable until all events were returned", needs("root", function()
    local fd = ring:epoll_fd()
    assert.equal(fd, ring:epoll_fd())
    assert.same({pollfd = fd, events = "r"}, ring:pollable())
    rings.send(object, 2)
    assert.is_true(rings.readable(fd))
    ring:next()
    assert.is_true(rings.readable(fd))
    ring:next()
    assert.is_false(rings.readable(fd))
  end))

  it("reads a map by its descriptor", needs("root", function()
    ring:close()
    ring = assert(lbpf.ring_buffer(object.maps.first:fd()))
    rings.send(object, 1)
    assert.equal(0, rings.number(ring:next(0)))
    local made, message, errno = lbpf.ring_buffer(object.maps.first:fd())
    assert.is_nil(made)
    assert.equal(("ring_buffer: map of descriptor %d: Device or resource busy (EBUSY); only one "
      .. "consumer per process may read a ring"):format(object.maps.first:fd()), message)
    assert.equal(16, errno)
    made, message = lbpf.ring_buffer(0)
    assert.is_nil(made)
    assert.matches("^ring_buffer: map of descriptor 0: ", message)
  end))
end)

describe("ring_buffer, ring by ring", function()
  local object, ring, lists

  before_each(needs("root", function()
    object = rings.load()
    lists = {}
    local fn
    fn, lists[1] = rings.collector()
    ring = assert(lbpf.ring_buffer(object.maps.first, fn))
    fn, lists[2] = rings.collector()
    assert(ring:add(object.maps.second, fn))
  end))

  after_each(function()
    ring:close()
    object:close()
  end)

  -- Positions are cdata in LuaJIT.
  local function positions(one)
    return tonumber(one:consumer_pos()), tonumber(one:producer_pos())
  end

  it("tells sizes and positions", needs("root", function()
    local first, second = ring:ring(0), ring:ring(1)
    assert.equal(2 ^ 20, first:size())
    assert.equal(2 ^ 16, second:size())
    assert.same({0, 0}, {positions(first)})
    rings.send(object, 3, 2)
    assert.same({0, 3 * SAMPLE}, {positions(first)})
    assert.same({0, 2 * SAMPLE}, {positions(second)})
    assert.equal(2 * SAMPLE, second:avail_data_size())
    ring:consume_n(3)
    assert.same({3 * SAMPLE, 3 * SAMPLE}, {positions(first)})
    assert.equal(0, first:avail_data_size())
    assert.equal(2 * SAMPLE, second:avail_data_size())
  end))

  it("has a descriptor of the map", needs("root", function()
    local fd = ring:ring(1):map_fd()
    object:close()
    local file = assert(io.open("/proc/self/fdinfo/" .. fd))
    assert.matches("map_type:\t27\n.*max_entries:\t65536\n", file:read("*a"))
    file:close()
  end))

  it("consumes one ring alone", needs("root", function()
    rings.send(object, 3, 4)
    local second = ring:ring(1)
    assert.equal(4, second:consume())
    assert.equal(0, second:consume())
    assert.same({{}, rings.range(3, 6)}, lists)
    rings.send(object, 0, 3)
    assert.equal(2, second:consume_n(2))
    assert.equal(1, second:consume_n(5))
    assert.equal(3, ring:ring(0):consume())
    assert.same(rings.range(0, 2), lists[1])
    assert.same(rings.range(3, 9), lists[2])
  end))

  it("counts what was delivered, and what waits", needs("root", function()
    assert.same({{events = 0, bytes = 0, waiting = 0}, {events = 0, bytes = 0, waiting = 0}},
      ring:stats())
    rings.send(object, 3, 2)
    assert.same({{events = 0, bytes = 0, waiting = 3 * SAMPLE},
      {events = 0, bytes = 0, waiting = 2 * SAMPLE}}, ring:stats())
    ring:consume_n(2)
    assert.same({{events = 2, bytes = 32, waiting = SAMPLE},
      {events = 0, bytes = 0, waiting = 2 * SAMPLE}}, ring:stats())
    ring:next() -- the rings take turns
    assert.same({{events = 2, bytes = 32, waiting = SAMPLE},
      {events = 1, bytes = 16, waiting = SAMPLE}}, ring:stats())
    ring:consume()
    assert.same({{events = 3, bytes = 48, waiting = 0}, {events = 2, bytes = 32, waiting = 0}},
      ring:stats())
  end))

  it("is of its ring buffer, and says when that is closed", needs("root", function()
    local second = ring:ring(1)
    assert.equal("lbpf.ring", tostring(second))
    ring:close()
    assert.equal("lbpf.ring (closed)", tostring(second))
    for _, method in ipairs({"consume", "consumer_pos", "producer_pos", "avail_data_size", "size",
      "map_fd"}) do
      assert.error_matches(function() second[method](second) end, "^ring buffer is closed$")
    end
    assert.error_matches(function() second:consume_n(1) end, "^ring buffer is closed$")
    for _, method in ipairs({"next", "events", "pollable", "stats", "ring"}) do
      assert.error_matches(function() ring[method](ring, 0) end, "^ring buffer is closed$")
    end
  end))

  it("checks its arguments", needs("root", function()
    assert.error_matches(function() ring:ring(2) end, "#1.*2 is not in 0 to 1")
    assert.error_matches(function() ring:ring(-1) end, "#1.*%-1 is not in 0 to 1")
    assert.error_matches(function() ring:ring() end, "#1.*expected an integer")
    assert.error_matches(function() ring:next(-2) end, "#1.*%-2 is not in %-1 to")
    assert.error_matches(function() ring:events(0.5) end, "#1.*expected an integer")
    assert.error_matches(function() ring:ring(0):consume_n(0) end, "#1.*0 is not in 1 to")
  end))
end)
