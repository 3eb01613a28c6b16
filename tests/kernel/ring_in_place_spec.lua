-- A ring's events are read where they lie: nobody may write there meanwhile.
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"
local rings = require "rings"

describe("ring_buffer, read in place", function()
  local object, ring, list

  local SAMPLE = 24
  local LAP = 2 ^ 16 -- the size of the second ring

  before_each(needs("root", function()
    object = rings.load()
    list = {}
  end))

  after_each(function()
    rings.close(object, ring)
    ring = nil
  end)

  -- Sends so many events into the second map, at least; if it DISCARDS, each second one of these.
  local function send_second(n, discards)
    for _ = 1, math.ceil(n / (discards and 32 or 16)) do
      rings.send(object, 0, 16, 0, discards)
    end
  end

  -- Collects the numbers of the second map's events; FN is called after the first.
  local function collect(fn, opts)
    ring = assert(lbpf.ring_buffer(object.maps.second, function(...)
      list[#list + 1] = rings.number((...))
      if #list == 1 then
        fn()
      end
    end, opts))
  end

  -- Another process consumes so many bytes of the second map.
  local function steal(bytes)
    assert.is_true(child.succeeds(("build/helpers/other_process %d %d consume %d")
      :format(child.pid(), object.maps.second:fd(), bytes)))
  end

  it("keeps events from the producer until they were delivered", needs("root", function()
    send_second(320)
    collect(function()
      assert.equal(1, ring:stats()[1].events)
      send_second(LAP / SAMPLE)
    end)
    local fitting = math.floor(LAP / SAMPLE)
    assert.equal(fitting, ring:poll(0))
    assert.same(rings.range(0, fitting - 1), list)
    assert.equal(0, ring:poll(0))
    assert.equal(fitting * SAMPLE, tonumber(ring:ring(0):consumer_pos()))
    assert.equal(fitting, ring:stats()[1].events)
  end))

  it("gives the memory of an event that made the function raise to the producer",
    needs("root", function()
      send_second(32)
      collect(function() error("no") end)
      assert.error_matches(function() ring:poll(0) end, "no")
      assert.equal(SAMPLE, tonumber(ring:ring(0):consumer_pos()))
      assert.equal(31, ring:poll(0))
      assert.same(rings.range(0, 31), list)
      assert.equal(32 * SAMPLE, tonumber(ring:ring(0):consumer_pos()))
    end))

  it("skips what was discarded", needs("root", function()
    local fn
    fn, list = rings.collector()
    ring = assert(lbpf.ring_buffer(object.maps.first, fn))
    rings.send(object, 3, 0, 0, true)
    assert.equal(3, ring:poll(0))
    rings.send(object, 500, 0, 0, true)
    assert.equal(500, ring:consume())
    rings.send(object, 3, 0, 0, true)
    for bytes in ring:events(0) do
      fn(bytes)
    end
    assert.same(rings.range(0, 505), list)
    assert.same({events = 506, bytes = 506 * 16, waiting = 0}, ring:stats()[1])
    assert.equal(0, ring:ring(0):avail_data_size())
  end))

  it("has several rings take turns", needs("root", function()
    collect(function() end)
    local before = 0
    assert(ring:add(object.maps.first, function()
      before = before + 1
      return #list == 0
    end))
    rings.send(object, rings.MANY, 16)
    rings.send(object, rings.MANY, 16)
    rings.send(object, rings.MANY, 16)
    rings.send(object, rings.MANY, 16)
    for _ = 1, 4 do
      rings.send(object, rings.MANY)
    end
    ring:poll(0)
    assert.equal(64, #list)
    assert.is_true(before < 8 * rings.MANY)
  end))

  -- The second lap's events do not lie where those of the first did: what was an event's header
  -- says one gigabyte then. Compiled code reads the headers of events that are not all alike.
  for _, case in ipairs {{"bytes"}, {"tables", {type = "event"}}, {"lists", {batch = true}}} do
    for _, discards in ipairs {false, true} do
      it(("survives another consumer, with %s%s"):format(case[1],
          discards and ", some discarded" or ""), needs("root", function()
        local calls = 0
        send_second(160, discards)
        ring = assert(lbpf.ring_buffer(object.maps.second, function()
          calls = calls + 1
          if calls == 1 then
            steal(160 * SAMPLE)
            send_second(LAP / SAMPLE - 16, discards)
            steal(LAP / 2)
            send_second(160, discards)
          end
        end, case[2]))
        local ok, n = pcall(ring.poll, ring, 0)
        if ok or not discards then
          assert.is_number(n)
        else
          assert.matches("an event has %d+ bytes", n) -- and its type has more
        end
        local first, second = ring:ring(0), tonumber(ring:ring(0):consumer_pos())
        assert.is_true(second >= 160 * SAMPLE + LAP / 2)
        assert.is_true(first:avail_data_size() <= LAP)
      end))
    end
  end

  it("tells events of one size from others", needs("root", function()
    local sizes, order = {}, {0, 3, 0, 1, 2, 0, 0, 4}
    ring = assert(lbpf.ring_buffer(object.maps.first, function(bytes)
      sizes[#sizes + 1] = #bytes
    end))
    for _ = 1, 8 do
      local expected = {}
      for _, n in ipairs(order) do
        rings.send(object, n, 0, n == 0 and 1 or 0)
        for _ = 1, n do
          expected[#expected + 1] = SAMPLE - 8
        end
        expected[#expected + 1] = n == 0 and rings.LARGE or nil
      end
      sizes = {}
      ring:poll(0)
      assert.same(expected, sizes)
    end
  end))
end)
