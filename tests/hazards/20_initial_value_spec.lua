-- Hazard 20: libbpf's copy of a global variable is stale after the load (1.1), or is the kernel's
-- memory, which must not be written for .rodata (1.5). lbpf maps the memory itself, and checks
-- writes.
local lbpf = require "lbpf"
local needs = require "needs"

local KEY = "\0\0\0\0"

-- A value of 8 bytes, all of which a program reads as a small integer.
local function u64(n)
  return string.char(n) .. ("\0"):rep(7)
end

describe("initial values", function()
  local object, maps

  before_each(function()
    object = assert(lbpf.open("build/bpf/attributes.bpf.o"))
    maps = object.maps
    maps.bare_outer:set_autocreate(false)
  end)

  after_each(function()
    object:close()
  end)

  it("are read and set before the load", needs("root", function()
    assert.equal("\7\0\0\0", maps[".rodata"]:initial_value())
    assert.equal(u64(1), maps[".data"]:initial_value())
    assert.is_nil(maps.plain:initial_value())
    assert.equal(maps[".rodata"], maps[".rodata"]:set_initial_value("\9\0\0\0"))
    assert.equal(maps[".data"], maps[".data"]:set_initial_value(u64(2)))
    assert(object:load())
    assert.equal("\9\0\0\0", maps[".rodata"]:lookup(KEY))
    assert.equal(u64(2), maps[".data"]:lookup(KEY))
  end))

  it("have the map's length", function()
    for _, value in ipairs({"", "123", "12345"}) do
      assert.error_matches(function() maps[".rodata"]:set_initial_value(value) end,
        "the value of map '.-rodata' has 4 bytes, expected " .. #value)
    end
    local ok, message, errno = maps.plain:set_initial_value("12345678")
    assert.is_nil(ok)
    assert.matches("^set_initial_value: map 'plain': Invalid argument", message)
    assert.equal(22, errno)
  end)

  it("are the present ones after the load", needs("root", function()
    assert(object:load())
    assert.equal(u64(1), maps[".data"]:initial_value())
    assert(maps[".data"]:update(KEY, u64(5)))
    assert.equal(u64(5), maps[".data"]:initial_value())
    assert.equal("\7\0\0\0", maps[".rodata"]:initial_value())
    assert.is_nil(maps.plain:initial_value())
  end))

  it("cannot be set after the load, nor .rodata at all", needs("root", function()
    assert(object:load())
    for _, name in ipairs({".data", ".rodata"}) do
      assert.error_matches(function() maps[name]:set_initial_value(u64(3)) end,
        "^map '.-': too late, object '.-' has been loaded$")
    end
    local ok, message, errno = maps[".rodata"]:update(KEY, "\9\0\0\0")
    assert.is_nil(ok)
    assert.matches("^update: map '.-rodata': Operation not permitted", message)
    assert.equal(1, errno)
    assert.equal("\7\0\0\0", maps[".rodata"]:lookup(KEY))
  end))

  it("of an object whose load failed are not there", needs("root", function()
    maps.unused:set_key_size(0)
    assert.is_nil(object:load())
    assert.error_matches(function() maps[".data"]:initial_value() end, "does not exist")
    assert.error_matches(function() maps[".data"]:set_initial_value(u64(3)) end, "too late")
  end))

  it("of struct_ops are read while libbpf knows how long they are", needs("root", function()
    local ops = assert(lbpf.open("build/bpf/congestion.bpf.o"))
    local map = ops.maps.lbpf_still
    local value = map:initial_value()
    assert.is_true(value == nil or #value == map:value_size())
    ops:load()
    assert.error_matches(function() map:initial_value() end, "too late, its object has been loaded")
    ops:close()
  end))
end)
