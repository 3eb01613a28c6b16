-- Hazard 29: A reserved sample may never be submitted, be submitted twice, or be written too late.
-- Each of these is handled or raises.
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"
local samples = require "samples"

local NEEDS = {"root", "user rings"}

describe("a reserved sample", function()
  local object, ring

  before_each(needs(NEEDS, function()
    object = samples.load()
    ring = assert(lbpf.user_ring_buffer(object.maps.samples))
  end))

  after_each(function()
    ring:close()
    object:close()
  end)

  it("that is forgotten is discarded, and holds up nothing", needs(NEEDS,
    function()
      ring:reserve(16):write("never submitted")
      ring:send("after it")
      collectgarbage()
      collectgarbage()
      assert.equal(1, samples.drain(object))
      assert.equal("after it", samples.kept(object, 1):sub(1, 8))
    end))

  it("is submitted or discarded once", needs(NEEDS, function()
    local submitted, discarded = ring:reserve(8), ring:reserve(8)
    submitted:submit()
    discarded:discard()
    for _, method in ipairs({"submit", "discard"}) do
      assert.error_matches(function() submitted[method](submitted) end,
        "^the sample was submitted$")
      assert.error_matches(function() discarded[method](discarded) end,
        "^the sample was discarded$")
    end
    assert.equal(1, samples.drain(object))
  end))

  it("is not written once the kernel may read it", needs(NEEDS, function()
    local sample = ring:reserve(16):write("before")
    sample:submit()
    assert.error_matches(function() sample:write("after") end, "^the sample was submitted$")
    assert.equal(1, samples.drain(object))
    assert.equal("before", samples.kept(object, 1):sub(1, 6))
  end))

  it("is discarded at the end of its scope", needs({"root", "user rings", "close"}, function()
    local chunk = assert(load([[
      local ring, use = ...
      local sample <close> = assert(ring:reserve(8))
      use(sample)
      return function() return sample end
    ]]))
    local left = chunk(ring, tostring)()
    assert.equal("lbpf.user_ring_sample (was discarded)", tostring(left))
    left = chunk(ring, function(sample) sample:submit() end)()
    assert.equal("lbpf.user_ring_sample (was submitted)", tostring(left))
  end))

  it("takes what fits, and no more", needs(NEEDS, function()
    local sample = ring:reserve(8)
    assert.error_matches(function() sample:write("123456789") end,
      "^9 bytes at offset 0 do not fit a sample of 8$")
    assert.error_matches(function() sample:write("12", 7) end,
      "^2 bytes at offset 7 do not fit a sample of 8$")
    assert.equal(sample, sample:write("2", 7))
  end))

  it("is discarded when its ring is closed", needs(NEEDS, function()
    local list = {}
    for i = 1, 5 do
      list[i] = ring:reserve(8)
    end
    list[3]:submit()
    ring:close()
    for _, i in ipairs({1, 2, 4, 5}) do
      assert.error_matches(function() list[i]:write("late") end,
        "^the sample was discarded when its user ring buffer was closed$")
      assert.error_matches(function() list[i]:submit() end, "^the sample was discarded when ")
    end
    assert.error_matches(function() ring:reserve(8) end, "^user ring buffer is closed$")
    assert.error_matches(function() ring:send("x") end, "^user ring buffer is closed$")
    assert.equal("lbpf.user_ring_buffer (closed)", tostring(ring))
    ring = assert(lbpf.user_ring_buffer(object.maps.samples))
    ring:send("of the next ring")
    assert.equal(2, samples.drain(object))
  end))

  it("may be collected before its ring, after it, or with it", needs(NEEDS,
    function()
      ring:close()
      for _ = 1, 20 do
        local one = assert(lbpf.user_ring_buffer(object.maps.samples))
        local first, second = one:reserve(8), one:reserve(8)
        assert.is_truthy(first and second)
        one = nil -- luacheck: ignore
        first = nil -- luacheck: ignore
        collectgarbage()
        second:write("12345678"):submit()
        second = nil -- luacheck: ignore
        collectgarbage()
        collectgarbage()
      end
      ring = assert(lbpf.user_ring_buffer(object.maps.samples))
      assert.equal(20, samples.drain(object))
    end))

  it("outlives a ring that the debug library cut off", needs(NEEDS, function()
    local sample = ring:reserve(8)
    local cut = debug.setuservalue or debug.setfenv
    cut(sample, {})
    ring = nil
    collectgarbage()
    collectgarbage()
    assert.error_matches(function() sample:submit() end, "^the sample was discarded when ")
    ring = assert(lbpf.user_ring_buffer(object.maps.samples))
  end))

  it("may be there still when the state is closed", needs(NEEDS, function()
    local process = child.lua([[
      local samples, lbpf = require "samples", require "lbpf"
      kept = {assert(lbpf.user_ring_buffer(samples.load().maps.samples))}
      for i = 2, 20 do
        kept[i] = kept[1]:reserve(8)
      end
      print("done")
    ]])
    assert.equal("done\n", process.answers:read("*a"))
    process.answers:close()
  end))
end)
