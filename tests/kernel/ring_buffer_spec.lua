-- Ring buffers: the events of BPF programs, all of them, once and in order.
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local rings = require "rings"

describe("ring_buffer", function()
  local object, ring

  before_each(function()
    object = rings.load()
  end)

  after_each(function()
    rings.close(object, ring)
    ring = nil
  end)

  -- Makes the spec's ring buffer, which collects into the list that is returned.
  local function collect()
    local fn, list = rings.collector()
    ring = assert(lbpf.ring_buffer(object.maps.first, fn))
    return list
  end

  it("delivers all events in order, with poll", needs("root", function()
    local list = collect()
    rings.send(object, 3)
    assert.equal(3, ring:poll())
    rings.send(object, 2)
    assert.equal(2, ring:poll(60000))
    rings.send(object, 1)
    assert.equal(1, ring:poll(0))
    assert.same(rings.range(0, 5), list)
  end))

  it("gives the function an event's bytes, and nothing else", needs("root", function()
    local args
    ring = assert(lbpf.ring_buffer(object.maps.first, function(...)
      args = {n = select("#", ...), ...}
    end))
    rings.send(object, 1)
    assert.equal(1, ring:poll())
    assert.same({n = 1, ("\0"):rep(8) .. "\240\255\255\63" .. ("\0"):rep(4)}, args)
  end))

  it("polls in vain until the timeout", needs("root", function()
    local list = collect()
    assert.equal(0, ring:poll(0))
    assert.equal(0, ring:poll(1))
    assert.equal(0, ring:consume())
    assert.equal(0, ring:consume_n(5))
    assert.same({}, list)
  end))

  it("delivers with consume what is there", needs("root", function()
    local list = collect()
    rings.send(object, 7)
    assert.equal(7, ring:consume())
    assert.equal(0, ring:consume())
    assert.same(rings.range(0, 6), list)
  end))

  it("delivers no more with consume_n than it was asked for", needs("root", function()
    local list = collect()
    rings.send(object, 7)
    assert.equal(1, ring:consume_n(1))
    assert.same(rings.range(0, 0), list)
    assert.equal(4, ring:consume_n(4))
    assert.same(rings.range(0, 4), list)
    assert.equal(2, ring:consume_n(4))
    assert.equal(0, ring:consume_n(4))
    assert.same(rings.range(0, 6), list)
  end))

  it("ends a call when the function returns false, and keeps the rest", needs("root", function()
    local list = {}
    ring = assert(lbpf.ring_buffer(object.maps.first, function(bytes)
      list[#list + 1] = rings.number(bytes)
      if #list == 3 then
        return false
      end
      return nil -- which goes on
    end))
    rings.send(object, 5)
    assert.equal(3, ring:poll())
    assert.same(rings.range(0, 2), list)
    assert.equal(2, ring:poll(0))
    assert.same(rings.range(0, 4), list)
  end))

  it("is readable by its epoll_fd while events wait", needs("root", function()
    local list = {}
    ring = assert(lbpf.ring_buffer(object.maps.first, function(bytes)
      list[#list + 1] = rings.number(bytes)
      return #list ~= 2
    end))
    local fd = ring:epoll_fd()
    assert.equal("anon_inode:[eventpoll]", fds.list()[fd])
    assert.is_false(rings.readable(fd))
    rings.send(object, 5)
    assert.is_true(rings.readable(fd))
    assert.equal(1, ring:consume_n(1))
    assert.is_true(rings.readable(fd))
    assert.equal(1, ring:poll(0)) -- the function asks to stop
    assert.is_true(rings.readable(fd))
    assert.equal(3, ring:poll(0))
    assert.is_false(rings.readable(fd))
    rings.send(object, 1)
    assert.is_true(rings.readable(fd))
    assert.equal(1, ring:consume())
    assert.is_false(rings.readable(fd))
    assert.same(rings.range(0, 5), list)
  end))

  it("reads several maps, each with its function", needs("root", function()
    local list = collect()
    local fn, second = rings.collector()
    assert.equal(ring, ring:add(object.maps.second, fn))
    rings.send(object, 2, 3)
    local delivered = ring:poll()
    if delivered < 5 then -- one wait may tell of one map only
      delivered = delivered + ring:poll()
    end
    assert.equal(5, delivered)
    assert.same(rings.range(0, 1), list)
    assert.same(rings.range(2, 4), second)
    rings.send(object, 0, 1)
    assert.equal(1, ring:poll())
    assert.is_false(rings.readable(ring:epoll_fd()))
    rings.send(object, 2, 2)
    assert.equal(3, ring:consume_n(3))
    assert.is_true(rings.readable(ring:epoll_fd()))
    assert.equal(1, ring:consume_n(3))
    assert.equal(4, #list)
    assert.equal(6, #second)
  end))

  it("reads large events whole", needs("root", function()
    local list = {}
    ring = assert(lbpf.ring_buffer(object.maps.first, function(bytes)
      list[#list + 1] = bytes
    end))
    for round = 0, 5 do -- more than the ring's size, so that they wrap around
      rings.send(object, 1, 0, 8)
      assert.equal(9, ring:poll())
      for i = 2, 9 do
        assert.equal(rings.LARGE, #list[i])
        assert.equal(round * 9 + i - 1, rings.number(list[i]))
        assert.equal(round * 9 + i - 1, rings.number(list[i]:sub(-8)))
      end
      list = {}
    end
  end))

  it("delivers many events, however many wait", needs("root", function()
    local n, wrong = 0, 0
    ring = assert(lbpf.ring_buffer(object.maps.first, function(bytes)
      wrong = wrong + (rings.number(bytes) == n and 0 or 1)
      n = n + 1
    end))
    while n < 100000 do
      -- fewer than the ring holds, and more than one batch of lbpf's
      for _ = 1, 30 do
        rings.send(object, rings.MANY)
      end
      assert.equal(30 * rings.MANY, ring:poll())
    end
    assert.equal(0, wrong)
    assert.equal(0, ring:poll(0))
  end))

  it("outlives its object", needs("root", function()
    local list = collect()
    rings.send(object, 3)
    object:close()
    assert.equal(3, ring:poll())
    assert.equal(0, ring:poll(0))
    assert.same(rings.range(0, 2), list)
    assert.is_true(ring:close())
  end))

  it("says so when it is closed", needs("root", function()
    collect()
    rings.send(object, 1)
    assert.equal("lbpf.ring_buffer", tostring(ring))
    assert.is_true(ring:close())
    assert.is_true(ring:close())
    assert.equal("lbpf.ring_buffer (closed)", tostring(ring))
    for _, method in ipairs({"poll", "consume", "consume_n", "epoll_fd", "add"}) do
      assert.error_matches(function() ring[method](ring, 1, print) end, "ring buffer is closed")
    end
  end))

  it("leaves no descriptor behind, closed or forgotten", needs("root", function()
    local before = fds.count()
    for _ = 1, 5 do
      collect()
      assert.is_true(fds.count() > before)
      ring:close()
      assert.equal(before, fds.count())
    end
    for _ = 1, 5 do
      collect()
      ring = nil
      collectgarbage() -- or the map would still be taken
      collectgarbage()
    end
    assert.equal(before, fds.count())
  end))

  it("closes with its scope", needs({"root", "close"}, function()
    local chunk = assert(load([[
      local lbpf, map, fds, before = ...
      local ring <close> = assert(lbpf.ring_buffer(map, print))
      assert(fds.count() > before)
    ]]))
    local before = fds.count()
    chunk(lbpf, object.maps.first, fds, before)
    assert.equal(before, fds.count())
  end))

  it("refuses a map of another type", needs("root", function()
    local before = fds.count()
    local made, message, errno = lbpf.ring_buffer(object.maps.order, print)
    assert.is_nil(made)
    assert.equal("ring_buffer: map 'order': Invalid argument (EINVAL)", message)
    assert.equal(22, errno)
    collect()
    local added
    added, message, errno = ring:add(object.maps.order, print)
    assert.is_nil(added)
    assert.equal("ring_buffer: map 'order': Invalid argument (EINVAL)", message)
    assert.equal(22, errno)
    ring:close()
    assert.equal(before, fds.count())
  end))

  it("refuses a map that this process reads already", needs("root", function()
    local list = collect()
    local made, message, errno = lbpf.ring_buffer(object.maps.first, print)
    assert.is_nil(made)
    assert.equal("ring_buffer: map 'first': Device or resource busy (EBUSY); only one "
      .. "consumer per process may read a ring", message)
    assert.equal(16, errno)
    assert.is_nil((ring:add(object.maps.first, print)))
    rings.send(object, 1)
    assert.equal(1, ring:poll())
    assert.same({0}, list)
    ring:close()
    list = collect()
    rings.send(object, 1)
    assert.equal(1, ring:poll())
    assert.same({1}, list)
  end))

  it("checks its arguments", needs("root", function()
    assert.error_matches(function() lbpf.ring_buffer() end, "lbpf.map expected")
    assert.error_matches(function() lbpf.ring_buffer(object, print) end, "lbpf.map expected")
    assert.error_matches(function() lbpf.ring_buffer(object.maps.first, {}) end,
      "expected a function")
    collect()
    assert.error_matches(function() ring:poll(-2) end, "#1.*%-2 is not in %-1 to")
    assert.error_matches(function() ring:poll("soon") end, "#1.*expected an integer")
    assert.error_matches(function() ring:poll(1.5) end, "#1.*expected an integer")
    assert.error_matches(function() ring:consume_n(0) end, "#1.*0 is not in 1 to")
    assert.error_matches(function() ring:consume_n() end, "#1.*expected an integer")
    local unloaded = assert(lbpf.open("build/bpf/ring.bpf.o"))
    assert.error_matches(function() lbpf.ring_buffer(unloaded.maps.first, print) end,
      "map 'first' does not exist: object '.*' is not loaded")
  end))
end)
