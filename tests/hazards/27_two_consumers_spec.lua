-- Hazard 27: Two consumers of one ring make each other read garbage. A second consumer in the same
-- process is refused; one in another process causes no invalid lengths.
local child = require "child"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local rings = require "rings"

describe("a second consumer", function()
  local object, ring

  before_each(function()
    object = rings.load()
  end)

  after_each(function()
    ring:close()
    object:close()
  end)

  -- Another process consumes a part of what is in the first map: so many bytes.
  local function steal(bytes)
    assert.is_true(child.succeeds(("build/helpers/other_process %d %d consume %d")
      :format(child.pid(), object.maps.first:fd(), bytes)))
  end

  it("in another process makes no garbage of a length", needs("root", function()
    local fn, list = rings.collector()
    ring = assert(lbpf.ring_buffer(object.maps.first, fn))
    rings.send(object, 3)
    assert.equal(3, ring:poll())
    rings.send(object, 3)
    -- A sample has 8 bytes of header and 16 of data, the second half of which passes for a header
    -- that says one gigabyte.
    steal(16)
    local n, message, errno = ring:poll(0)
    assert.is_nil(n)
    assert.equal("ring_buffer: Bad message (EBADMSG)", message)
    assert.equal(74, errno)
    assert.same(rings.range(0, 2), list)
    assert.is_true(ring:close())
  end))

  it("in another process that takes whole events leaves the others whole", needs("root", function()
    local fn, list = rings.collector()
    ring = assert(lbpf.ring_buffer(object.maps.first, fn))
    rings.send(object, 4)
    steal(24)
    assert.equal(3, ring:poll())
    assert.same(rings.range(1, 3), list)
  end))

  it("in this process is refused, until the first is gone", needs("root", function()
    ring = assert(lbpf.ring_buffer(object.maps.first, print))
    local before = fds.count()
    for _ = 1, 10 do
      local second, message, errno = lbpf.ring_buffer(object.maps.first, print)
      assert.is_nil(second)
      assert.matches("^ring_buffer: map 'first': Device or resource busy %(EBUSY%)", message)
      assert.equal(16, errno)
    end
    assert.equal(before, fds.count())
    ring:close()
    ring = assert(lbpf.ring_buffer(object.maps.first, print))
    ring = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    ring = assert(lbpf.ring_buffer(object.maps.first, print))
  end))
end)
