-- Hazard 28: An error in a ring buffer's function must not cross libbpf's frames. It is raised by
-- the call, and only that event is consumed.
local lbpf = require "lbpf"
local needs = require "needs"
local rings = require "rings"

describe("an error in a ring buffer's function", function()
  local object, ring, list

  before_each(function()
    object = rings.load()
    list = {}
  end)

  after_each(function()
    ring:close()
    object:close()
  end)

  -- A function that raises ERROR at the event of that number.
  local function raising_at(number, error_object)
    return function(bytes)
      list[#list + 1] = rings.number(bytes)
      if rings.number(bytes) == number then
        error(error_object, 0)
      end
    end
  end

  for _, method in ipairs({"poll", "consume", "consume_n"}) do
    it("is raised as it is by " .. method .. ", and the rest comes next", needs("root", function()
      local object_raised = setmetatable({}, {__tostring = function() return "mine" end})
      ring = assert(lbpf.ring_buffer(object.maps.first, raising_at(1, object_raised)))
      rings.send(object, 4)
      local ok, raised = pcall(ring[method], ring, 100)
      assert.is_false(ok)
      assert.is_true(rawequal(object_raised, raised))
      assert.same({0, 1}, list)
      assert.is_true(rings.readable(ring:epoll_fd()))
      assert.equal(2, ring[method](ring, 100))
      assert.same({0, 1, 2, 3}, list)
      assert.is_false(rings.readable(ring:epoll_fd()))
      rings.send(object, 1)
      assert.equal(1, ring[method](ring, 100))
      assert.same({0, 1, 2, 3, 4}, list)
    end))
  end

  it("at every event delivers each once", needs("root", function()
    ring = assert(lbpf.ring_buffer(object.maps.first, function(bytes)
      list[#list + 1] = rings.number(bytes)
      error("again")
    end))
    rings.send(object, 50)
    for _ = 1, 50 do
      assert.error_matches(function() ring:poll(0) end, "again$")
    end
    assert.equal(0, ring:poll(0))
    assert.same(rings.range(0, 49), list)
  end))

  it("may be any value", needs("root", function()
    for _, value in ipairs({false, 42, print}) do
      ring = assert(lbpf.ring_buffer(object.maps.first, function() error(value, 0) end))
      rings.send(object, 1)
      local ok, raised = pcall(ring.poll, ring)
      assert.is_false(ok)
      assert.equal(value, raised)
      ring:close()
    end
  end))

  it("in one of two maps' functions leaves both whole", needs("root", function()
    local fn, second = rings.collector()
    ring = assert(lbpf.ring_buffer(object.maps.first, raising_at(0, "mine")))
    assert(ring:add(object.maps.second, fn))
    rings.send(object, 2, 3)
    assert.error_matches(function() ring:poll() end, "^mine$")
    repeat
      local n = assert(ring:poll(0))
    until n == 0
    assert.same({0, 1}, list)
    assert.same({2, 3, 4}, second)
  end))

  it("does not change the bytes that a script has kept", needs("root", function()
    local kept = {}
    ring = assert(lbpf.ring_buffer(object.maps.first, function(bytes)
      kept[#kept + 1] = bytes
    end))
    for _ = 1, 80 do -- more than the ring's size
      rings.send(object, rings.MANY)
      ring:poll()
    end
    for i, bytes in ipairs(kept) do
      if rings.number(bytes) ~= i - 1 then
        error("event " .. i .. " has changed")
      end
    end
    assert.equal(80 * rings.MANY, #kept)
  end))
end)
