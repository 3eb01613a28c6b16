-- Hazard 16: libbpf maps the memory of global variables, and unmaps it with whatever size the map
-- then has. Their type and size cannot be changed, except where libbpf moves the memory.
local lbpf = require "lbpf"
local needs = require "needs"

local OBJECT = "build/bpf/attributes.bpf.o"
local INTERNAL = {".rodata", ".data", ".data.slots"}

describe("maps of global variables", function()
  local object, other

  local function open()
    local o = assert(lbpf.open(OBJECT))
    o.maps.bare_outer:set_autocreate(false)
    return o
  end

  before_each(function()
    object, other = open(), open()
  end)

  after_each(function()
    object:close()
    other:close()
  end)

  it("keep their type and sizes", function()
    for _, name in ipairs(INTERNAL) do
      local map = object.maps[name]
      local size = map:value_size()
      for setter, value in pairs({set_type = "hash", set_key_size = 400000,
                                  set_max_entries = 100000}) do
        assert.error_matches(function() map[setter](map, value) end,
          "^" .. setter .. ": map '.-' holds global variables, its layout cannot be changed$")
      end
      if lbpf.has("map.set_value_size.globals") then
        assert.error_matches(function() map:set_value_size(size - 4) end, "cannot shrink$")
      else
        local _, message = map:set_value_size(size - 4)
        assert.matches("needs libbpf 1.3, this is v1", message)
      end
      assert.equal("array", map:type())
      assert.equal(4, map:key_size())
      assert.equal(size, map:value_size())
      assert.equal(1, map:max_entries())
    end
  end)

  it("take the place of none but their like", needs("root", function()
    assert(other:load())
    for _, name in ipairs(INTERNAL) do
      local sibling = name == ".data.slots" and ".data" or ".data.slots"
      for _, wrong in ipairs({"plain", "leaf", sibling}) do
        assert.error_matches(function() object.maps[name]:reuse_fd(other.maps[wrong]) end,
          "the map must have the type and sizes of this one")
      end
    end
    local map = object.maps[".data.slots"]
    assert.equal(map, map:reuse_fd(other.maps[".data.slots"]))
    assert(object:load())
    assert(map:update("\0\0\0\0", ("s"):rep(16)))
    assert.equal(("s"):rep(16), other.maps[".data.slots"]:lookup("\0\0\0\0"))
  end))

  it("grow, where libbpf moves them", needs({"root", "libbpf 1.3"}, function()
    local map = object.maps[".data.slots"]
    map:set_initial_value(("a"):rep(16))
    assert.equal(map, map:set_value_size(80000))
    assert.equal(80000, #map:initial_value())
    assert.equal(("a"):rep(16) .. ("\0"):rep(16), map:initial_value():sub(1, 32))
    map:set_initial_value(("b"):rep(80000))
    assert(object:load())
    assert.equal(("b"):rep(80000), map:lookup("\0\0\0\0"))
  end))
end)
