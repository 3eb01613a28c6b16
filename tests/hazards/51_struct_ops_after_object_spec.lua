-- Hazard 51: A struct_ops link that is destroyed after its object deletes key 0 of whatever map
-- has its map's number by then, and leaves the algorithm registered. The link keeps its object,
-- and is destroyed when the object is closed.
local congestion = require "congestion"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"

local ZERO = ("\0"):rep(4)

-- A map with key 0, and others, that have the lowest descriptors that are free.
local function stranger()
  local object = assert(lbpf.open("build/bpf/maps.bpf.o"))
  assert(object:load())
  assert(object.maps.hash:view({raw = true}):update(ZERO, ZERO .. ZERO))
  return object
end

describe("a struct_ops link", function()
  local object, link

  before_each(needs({"root", "btf"}, function()
    object = assert(lbpf.open("build/bpf/struct_ops.bpf.o"))
    assert(object:load())
    link = assert(object.maps.algorithm:attach_struct_ops())
    assert.is_true(congestion.is_registered())
  end))

  it("goes when its object is closed", needs({"root", "btf"}, function()
    local fd = link:fd()
    object:close()
    assert.is_false(congestion.is_registered())
    local other = stranger()
    assert.matches("bpf", fds.list()[fd])
    assert.is_true(link:destroy())
    assert.equal(0, other.maps.hash:lookup(0).a)
    link = nil
    collectgarbage()
    assert.equal(0, other.maps.hash:lookup(0).a)
    other:close()
  end))

  it("goes when its object is collected, and not before", needs({"root", "btf"}, function()
    link = nil
    collectgarbage()
    collectgarbage()
    assert.is_true(congestion.is_registered())
    object = nil
    collectgarbage()
    collectgarbage()
    assert.is_false(congestion.is_registered())
  end))

  it("keeps its object", needs({"root", "btf"}, function()
    object = nil
    collectgarbage()
    collectgarbage()
    assert.is_true(congestion.is_registered())
    assert.is_true(link:destroy())
    assert.is_false(congestion.is_registered())
    link = nil
  end))
end)
