-- Codecs: BTF types as Lua values, both ways.

local lbpf = require "lbpf"
local needs = require "needs"

local object = assert(lbpf.open("build/bpf/types.bpf.o"))

local VALUE = {
  u8 = 255, s8 = -128, u16 = 65535, s16 = -32768, u32 = 4294967295, s32 = -2147483648,
  u64 = "0xfedcba9876543210", s64 = "-9223372036854775808", yes = true, letter = 65,
  name = "hello", mac = {1, 2, 3, 4, 5, 6}, colour = 5, sign = -1, pointer = 4096,
  at = {x = -1, y = 2}, path = {{x = 1, y = 2}, {x = 3, y = 4}, {x = 5, y = 6}},
  grid = {{1, 2, 3}, {4, 5, 6}}, word = 0x01020304, inner = {port = 80, flag = 1, rest = 511},
  low = 31, middle = -64, wide = "0x3ffffffffffff", single = 1.5, twice = -2.25,
  packed = {tag = 1, value = 2, big = 3},
}

-- Every leaf as text: integers of 64 bits are different things in different Luas.
local function flatten(value, path, out)
  if type(value) == "table" then
    for k, v in pairs(value) do
      flatten(v, path .. "." .. k, out)
    end
  else
    local text = type(value) == "number" and ("%.17g"):format(value) or tostring(value)
    out[path] = text:gsub("U?LL$", "")
  end
  return out
end

describe("codec", function()
  local codec = object:codec("everything")

  it("decodes what it encoded, member by member", needs("64 bits", function()
    local want = flatten(VALUE, "", {})
    want[".u64"], want[".s64"], want[".wide"] = nil, nil, nil
    for i, byte in ipairs {4, 3, 2, 1} do
      want[".bytes." .. i] = tostring(byte) -- the other member of the anonymous union
    end
    local got = flatten(codec:decode(codec:encode(VALUE)), "", {})
    got[".u64"], got[".s64"], got[".wide"] = nil, nil, nil
    got[".pointer"] = got[".pointer"] and "4096"
    assert.same(want, got)
  end))

  it("keeps every bit of 64", needs("64 bits", function()
    local got = codec:decode(codec:encode(VALUE))
    local again = codec:decode(codec:encode {u64 = got.u64, s64 = got.s64, wide = got.wide})
    assert.equal(tostring(got.u64), tostring(again.u64))
    assert.is_true(got.s64 < 0)
    local bytes = codec:encode {u64 = "0xfedcba9876543210"}
    assert.is_truthy(bytes:find("\16\50\84\118\152\186\220\254", 1, true))
  end))

  it("lays everything out as the compiler did", function()
    assert.equal(object.vars.everything_size, codec:size())
    assert.equal(13, object:codec("struct packed"):size())
    assert.equal("\1\2\0\0\0\3\0\0\0\0\0\0\0",
      object:codec("packed"):encode {tag = 1, value = 2, big = 3})
  end)

  it("gives enums their names on request", function()
    local named = object:codec("everything", {enum_names = true})
    local got = named:decode(named:encode {colour = "BLUE", sign = "MINUS"})
    assert.equal("BLUE", got.colour)
    assert.equal("MINUS", got.sign)
    assert.equal(7, named:decode(named:encode {colour = 7}).colour)
  end)

  it("decodes the fields asked for, one value each", function()
    local some = object:codec("struct everything",
      {fields = {"name", "path[3].y", "inner.rest", "grid[2][1]", "at"}})
    local name, y, rest, cell, at = some:decode(codec:encode(VALUE))
    assert.same({"hello", 6, 511, 4, {x = -1, y = 2}}, {name, y, rest, cell, at})
  end)

  it("takes bytes for any structure or array", function()
    local point = object:codec("point"):encode {x = 7, y = 8}
    local got = codec:decode(codec:encode {at = point, mac = "abcdef"})
    assert.same({x = 7, y = 8}, got.at)
    assert.same({97, 98, 99, 100, 101, 102}, got.mac)
    assert.equal(codec:encode(VALUE), codec:encode(codec:encode(VALUE)))
  end)

  it("names the member that cannot be encoded", function()
    local function refused(message, value)
      local ok, got = pcall(codec.encode, codec, value)
      assert.is_false(ok)
      assert.equal(("bad argument #2 to '?' (%s)"):format(message), got)
    end
    refused("u8: the integer does not fit", {u8 = 256})
    refused("u8: the integer does not fit", {u8 = -1})
    refused("s8: the integer does not fit", {s8 = 128})
    refused("low: the integer does not fit", {low = 32})
    refused("middle: the integer does not fit", {middle = -65})
    refused("inner.rest: the integer does not fit", {inner = {rest = 512}})
    refused("nope: there is no such member", {nope = 1})
    refused("at.z: there is no such member", {at = {z = 1}})
    refused("path[2].x: expected an integer, got string", {path = {{x = 1}, {x = "a"}}})
    refused("name: 17 bytes where there are 16", {name = ("x"):rep(17)})
    refused("mac: 7 elements where there are 6", {mac = {1, 2, 3, 4, 5, 6, 7}})
    refused("mac: 5 bytes where there are 6", {mac = "abcde"})
    refused("at: expected a table, or its bytes, got number", {at = 5})
    refused("single: expected a number, got string", {single = "1"})
    refused("colour: expected an integer, got string", {colour = "PURPLE"})
    refused("expected a table, or its bytes, got boolean", true)
  end)

  it("says what it does not know", function()
    local _, message, errno = object:codec("nothing")
    assert.equal("codec: type 'nothing': No such file or directory (ENOENT)", message)
    assert.equal(2, errno)
    assert.has_error(function() object:codec("everything", {fields = {"path[4].x"}}) end,
      "bad argument #2 to 'codec' (option 'fields': there is no 'path[4].x')")
    assert.has_error(function() codec:decode("short") end,
      ("bad argument #1 to 'decode' (5 bytes, and the type has %d)"):format(codec:size()))
  end)
end)
