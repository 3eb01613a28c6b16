-- Hazard 17: libbpf assumes that it has set up every map of type struct_ops, and likewise arrays
-- of programs, maps of maps and arenas. A script cannot give a map such a type.
local lbpf = require "lbpf"
local needs = require "needs"

describe("types that libbpf sets up", function()
  local object, ops

  before_each(function()
    object = assert(lbpf.open("build/bpf/attributes.bpf.o"))
    object.maps.bare_outer:set_autocreate(false)
    ops = assert(lbpf.open("build/bpf/congestion.bpf.o"))
  end)

  after_each(function()
    object:close()
    ops:close()
  end)

  it("the type of a map cannot be changed to it or from it", needs("root", function()
    local maps = object.maps
    local refused = "libbpf sets up maps of this kind: the type cannot be changed"
    for _, case in ipairs({
      {maps.plain, "struct_ops"}, {maps.plain, "prog_array"}, {maps.plain, "array_of_maps"},
      {maps.plain, 33}, {maps.outer, "prog_array"}, {maps.progs, "array_of_maps"},
      {maps.progs, "hash"}, {maps.outer, "array"},
    }) do
      local map, before = case[1], case[1]:type()
      assert.error_matches(function() map:set_type(case[2]) end, refused)
      assert.equal(before, map:type())
    end
    assert.equal("hash_of_maps", maps.bare_outer:set_type("hash_of_maps"):type())
    assert.equal("array_of_maps", maps.bare_outer:set_type("array_of_maps"):type())
    assert(object:load())
  end))

  it("a map is not replaced by one of them", needs("root", function()
    assert(object:load())
    local other = assert(lbpf.open("build/bpf/attributes.bpf.o"))
    assert.error_matches(function() other.maps.plain:reuse_fd(object.maps.progs) end,
      "the type of this map cannot be changed to that of the other")
    assert.error_matches(function() other.maps.outer:reuse_fd(object.maps.plain) end,
      "the type of this map cannot be changed to that of the other")
    other:close()
  end))

  it("a struct_ops map needs a program", needs({"root", "no libbpf 1.4"}, function()
    for prog in ops:each_program() do
      prog:set_autoload(false)
    end
    assert.error_matches(function() ops:load() end, "'lbpf_still' is struct_ops, and no program")
    ops.progs.ssthresh:set_autoload(true)
    ops:load() -- whatever the kernel says
  end))

  it("a struct_ops map keeps its shape", needs("root", function()
    local map = ops.maps.lbpf_still
    local size = map:value_size()
    for setter, value in pairs({set_type = "hash", set_key_size = 8, set_value_size = 4096,
                                set_max_entries = 9}) do
      assert.error_matches(function() map[setter](map, value) end,
        "^" .. setter .. ": map 'lbpf_still' is struct_ops, its layout cannot be changed$")
    end
    assert(object:load())
    assert.error_matches(function() map:reuse_fd(object.maps.plain) end,
      "^reuse_fd: map 'lbpf_still' is struct_ops$")
    assert.equal("struct_ops", map:type())
    assert.equal(size, map:value_size())
  end))

  it("the type of a program cannot be changed to it or from it", function()
    assert.error_matches(function() object.progs.count:set_type("struct_ops") end,
      "the type struct_ops cannot be set or changed")
    assert.error_matches(function() ops.progs.ssthresh:set_type("kprobe") end,
      "the type struct_ops cannot be set or changed")
  end)

  it("a file that declares one as a map is not opened", function()
    local stray, message, errno = lbpf.open("build/bpf/stray_struct_ops.bpf.o")
    assert.is_nil(stray)
    assert.matches("^open '.-': map 'stray' is struct_ops in SEC%(\"%.maps\"%): Invalid argument",
      message)
    assert.equal(22, errno)
  end)
end)
