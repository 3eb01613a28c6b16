-- Hazard 19: libbpf frees an inner map when the object is loaded, and when a template is set.
-- `inner_map` returns a copy; the template is kept open.
local fdinfo = require "fdinfo"
local lbpf = require "lbpf"
local needs = require "needs"

describe("an inner map", function()
  local object, other

  before_each(function()
    object = assert(lbpf.open("build/bpf/attributes.bpf.o"))
    object.maps.bare_outer:set_autocreate(false)
    other = assert(lbpf.open("build/bpf/attributes.bpf.o"))
    other.maps.bare_outer:set_autocreate(false)
  end)

  after_each(function()
    object:close()
    other:close()
  end)

  it("is a copy", needs("root", function()
    local inner = object.maps.outer:inner_map()
    local expected = {name = "outer.inner", type = "array", key_size = 4, value_size = 8,
                      max_entries = 2, map_flags = 0, numa_node = 0, map_extra = inner.map_extra}
    assert.equal(0, tonumber(inner.map_extra))
    assert.same(expected, inner)
    assert.is_nil(object.maps.plain:inner_map())
    assert(object:load())
    assert.is_nil(object.maps.outer:inner_map())
    assert.same(expected, inner)
  end))

  it("gives way to an example, which is kept open", needs("root", function()
    local others = fdinfo.count_bpf()
    assert(other:load())
    local before = fdinfo.count_bpf()
    local outer = object.maps.outer
    assert(outer:set_inner_map_fd(other.maps.leaf))
    assert.equal(before + 1, fdinfo.count_bpf())
    assert.is_nil(outer:inner_map())
    other:close() -- its number is free now for anything to take
    local files = {}
    for i = 1, 20 do
      files[i] = io.open("/dev/null")
    end
    assert(object:load())
    assert.is_true(outer:lookup("\0\0\0\0") > 0)
    for _, file in ipairs(files) do
      file:close()
    end
    object:close()
    assert.equal(others, fdinfo.count_bpf())
  end))
end)
