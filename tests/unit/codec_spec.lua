-- Codecs: BTF types as Lua values, both ways; on machines of both byte orders, see tests/emulated.

local lbpf = require "lbpf"
local needs = require "needs"

local object = assert(lbpf.open("build/bpf/types.bpf.o"))

-- An integer's bytes, the lowest first, as this machine has them.
local function ordered(bytes)
  return object:btf():endianness() == "big" and bytes:reverse() or bytes
end

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
    for i, byte in ipairs {ordered("\4\3\2\1"):byte(1, 4)} do
      want[".bytes." .. i] = tostring(byte) -- the other member of the anonymous union
    end
    local got = flatten(codec:decode(codec:encode(VALUE)), "", {})
    got[".u64"], got[".s64"], got[".wide"] = nil, nil, nil
    assert.same(want, got)
  end))

  it("keeps every bit of 64", needs("64 bits", function()
    local got = codec:decode(codec:encode(VALUE))
    local again = codec:decode(codec:encode {u64 = got.u64, s64 = got.s64, wide = got.wide})
    assert.equal(tostring(got.u64), tostring(again.u64))
    assert.is_true(got.s64 < 0)
    local bytes = codec:encode {u64 = "0xfedcba9876543210"}
    assert.is_truthy(bytes:find(ordered("\16\50\84\118\152\186\220\254"), 1, true))
  end))

  it("lays everything out as the compiler did", function()
    assert.equal(object.vars.everything_size, codec:size())
    assert.equal(13, object:codec("struct packed"):size())
    assert.equal("\1" .. ordered("\2\0\0\0") .. ordered("\3\0\0\0\0\0\0\0"),
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
      assert.equal(("bad argument #2 to 'encode' (%s)"):format(message), got)
    end
    refused("u8: the integer does not fit", {u8 = 256})
    refused("u8: the integer does not fit", {u8 = -1})
    refused("s8: the integer does not fit", {s8 = 128})
    refused("low: the integer does not fit", {low = 32})
    refused("middle: the integer does not fit", {middle = -65})
    refused("inner.rest: the integer does not fit", {inner = {rest = 512}})
    refused("nope: there is no such member; there are: name, low, wide, word, at, bytes, grid, "
      .. "inner, mac, path, s16, s32, s64, s8, sign, single, twice, u16, u32, u64, u8, yes, "
      .. "colour, letter and 3 more", {nope = 1})
    refused("at.z: there is no such member; there are: x, y", {at = {z = 1}})
    refused("path[2].x: expected an integer, got 'a'", {path = {{x = 1}, {x = "a"}}})
    refused("name: 17 bytes, expected at most 16", {name = ("x"):rep(17)})
    refused("mac: 7 elements, expected at most 6", {mac = {1, 2, 3, 4, 5, 6, 7}})
    refused("mac: 5 bytes, expected 6", {mac = "abcde"})
    refused("at: expected a table, or its bytes, got number", {at = 5})
    refused("single: expected a number, got string", {single = "1"})
    refused("colour: expected an integer, got 'PURPLE': names need 'enum_names'",
      {colour = "PURPLE"})
    refused("expected a table, or its bytes, got boolean", true)
  end)

  it("finds what btf_dump finds in any bytes", needs("64 bits", function()
    local BITS = {u8 = 8, s8 = 8, u16 = 16, s16 = 16, u32 = 32, s32 = 32, u64 = 64, s64 = 64,
      low = 5, middle = 7, wide = 50, port = 16, flag = 1, rest = 9}
    local whole = {u64 = assert(object:codec("__u64")), s64 = assert(object:codec("__s64"))}

    -- The low bits of an integer, or of one in C, as bytes.
    local function low(integer, bits)
      local negative = tostring(integer):sub(1, 1) == "-"
      local text = tostring(integer):gsub("U?LL$", "")
      local all = ordered(whole[negative and "s64" or "u64"]:encode(text))
      return (all:sub(1, math.floor(bits / 8))
        .. string.char((all:byte(math.floor(bits / 8) + 1) or 0) % 2 ^ (bits % 8)))
    end

    local dump = assert(lbpf.btf_dump(object:btf()))
    local id = object:btf():find_by_name("everything")
    math.randomseed(7)
    for _ = 1, 50 do
      local bytes = {}
      for i = 1, codec:size() do
        bytes[i] = string.char(math.random(0, 255))
      end
      bytes = table.concat(bytes)
      local value, seen = codec:decode(bytes), 0
      value.port, value.flag, value.rest = value.inner.port, value.inner.flag, value.inner.rest
      local text = dump:dump_type_data(id, bytes, {compact = true, emit_zeroes = true})
      for name, integer in text:gmatch("%.(%w+) = %([^)]*%)(%-?%w+)") do
        if BITS[name] then
          assert.equal(low(integer, BITS[name]), low(value[name], BITS[name]), name)
          seen = seen + 1
        end
      end
      assert.equal(14, seen)
    end
  end))

  it("says what it does not know", function()
    local _, message, errno = object:codec("nothing")
    assert.matches("^codec: no type 'nothing'; ", message)
    assert.equal(2, errno)
    assert.has_error(function() object:codec("everything", {fields = {"path[4].x"}}) end,
      "bad argument #2 to 'codec' (option 'fields': there is no 'path[4].x': "
        .. "'[4].x' leads nowhere)")
    assert.has_error(function() codec:decode("short") end, -- the last member is no array
      ("bad argument #1 to 'decode' (5 bytes, and the type has %d)"):format(codec:size()))
  end)
end)
