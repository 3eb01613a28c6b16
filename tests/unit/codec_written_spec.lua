-- What is read, changed in one place and written differs in that place alone.

local lbpf = require "lbpf"
local needs = require "needs"

local object = assert(lbpf.open("build/bpf/written.bpf.o"))
local codec = assert(object:codec("struct value"))
local size = codec:size()

local function random_bytes(n)
  local bytes = {}
  for i = 1, n do
    bytes[i] = string.char(math.random(0, 255))
  end
  return table.concat(bytes)
end

-- The first and the last place where two strings differ, from 0.
local function difference(a, b)
  local first, last
  for i = 1, #a do
    if a:byte(i) ~= b:byte(i) then
      first, last = first or i - 1, i - 1
    end
  end
  return first, last
end

local function refused(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return message
end

describe("a value that was read", function()
  it("is written as it was", function()
    math.randomseed(11)
    for _ = 1, 200 do
      local bytes = random_bytes(size)
      assert.equal(bytes, codec:encode(codec:decode(bytes)))
    end
  end)

  it("differs where it was changed", function()
    local changes = {
      family = function(v) v.family = (v.family + 1) % 65536 end,
      v4 = function(v) v.v4 = (v.v4 + 1) % 2 ^ 32 end,
      v6 = function(v) v.v6[16] = (v.v6[16] + 1) % 256 end,
      ["halves.high"] = function(v) v.halves.high = (v.halves.high + 1) % 65536 end,
      ["flags.on"] = function(v) v.flags.on = not v.flags.on end,
      ["flags.raw"] = function(v) v.flags.raw = (v.flags.raw + 1) % 2 ^ 32 end,
      mac = function(v) v.mac = v.mac == "new" and "old" or "new" end,
      yes = function(v) v.yes = not v.yes end,
      real = function(v) v.real = v.real == 1.5 and 2.5 or 1.5 end,
      ["deep[2].name"] = function(v) v.deep[2].name = v.deep[2].name == "x" and "y" or "x" end,
      ["deep[1].bits"] = function(v) v.deep[1].bits[2] = not v.deep[1].bits[2] end,
      color = function(v) v.color = v.color == 1 and 2 or 1 end,
      few = function(v) v.few = (v.few + 1) % 8 end,
    }
    for path, change in pairs(changes) do
      local offset = codec:offset(path)
      for _ = 1, 50 do
        local bytes = random_bytes(size)
        local value = codec:decode(bytes)
        change(value)
        local first, last = difference(bytes, codec:encode(value))
        assert.is_true(first ~= nil and first >= offset and last < offset + codec:size(path), path)
      end
    end
  end)

  it("keeps members that are not written", function()
    local bytes = ("\255"):rep(size)
    local value = codec:decode(bytes)
    assert.is_true(value.yes)
    value.yes = true
    assert.equal(bytes, codec:encode(value))
    value.v6 = nil -- what is taken away is zero, but for what others still say
    local offset = codec:offset("v6")
    local function v6()
      return codec:encode(value):sub(offset + 1, offset + 16)
    end
    assert.equal(("\255"):rep(4) .. ("\0"):rep(12), v6())
    value.v4 = 0x01010101
    assert.equal(("\1"):rep(4) .. ("\0"):rep(12), v6())
    setmetatable(value, {})
    assert.equal(("\1"):rep(4) .. ("\0"):rep(12), v6())
  end)

  it("keeps bytes that are too few for an element", needs("little endian", function()
    local types = lbpf.layout "struct s { u32 n; struct { u32 a, b; } list[]; };"
    local list = assert(types:codec("s"))
    for length = 4, 30 do
      local read = random_bytes(length)
      assert.equal(read, list:encode(list:decode(read)))
    end
    local value = list:decode(("x"):rep(15))
    value.n = 0
    assert.equal("\0\0\0\0" .. ("x"):rep(11), list:encode(value))
    value.list[2] = {a = 1}
    assert.equal("\0\0\0\0" .. ("x"):rep(8) .. "\1\0\0\0\0\0\0\0", list:encode(value))
  end))

  it("may end in its type's padding", needs("64 bits", function()
    local types = lbpf.layout "struct s { void *p; u32 n; u8 list[]; };"
    local list = assert(types:codec("s"))
    for length = 12, 15 do -- 16 is the type's size
      local read = random_bytes(length)
      for _ = 1, 100 do -- what is written beyond it shows in the sanitizers' run
        assert.equal(read, list:encode(list:decode(read)))
      end
    end
  end))

  it("is good for other types with the same members", function()
    local other = assert(lbpf.open("build/bpf/written.bpf.o")):codec("value", {bytes = {"mac"}})
    local bytes = random_bytes(size)
    assert.equal(bytes, other:encode(codec:decode(bytes)))
    assert.matches("there is no such member", refused(function()
      object:codec("small"):encode(codec:decode(bytes))
    end))
  end)

  it("is as long as a value of the other type", function()
    local layout = lbpf.layout [[
      struct plain { u32 n; u8 small; };
      struct flexible { u32 n; u8 small, rest[]; };
    ]]
    local plain, flexible = layout:codec "struct plain", layout:codec "struct flexible"
    local value = plain:decode(("\1"):rep(plain:size()))
    assert.equal(flexible:size(), #flexible:encode(value))
  end)

  it("belongs nowhere else", function()
    local bytes, others = ("\255"):rep(size), ("\3"):rep(size)
    local value, other = codec:decode(bytes), codec:decode(others)
    value.deep[1] = other.deep[2]
    local offset = codec:offset("deep[1]")
    assert.equal(bytes:sub(1, offset) .. ("\3"):rep(8) .. bytes:sub(offset + 9),
      codec:encode(value))
  end)
end)

describe("a table of the script's own", function()
  it("is zero where it has nothing", function()
    assert.equal(("\0"):rep(size), codec:encode {})
    local bytes = codec:encode {v4 = 0x01010101}
    assert.equal(("\1"):rep(4), bytes:sub(codec:offset("v4") + 1, codec:offset("v4") + 4))
  end)

  it("may say something once", function()
    local message = refused(codec.encode, codec, {v4 = 1, v6 = {9}})
    assert.matches("v6: shares bytes with 'v4', and says something else", message)
    assert.matches("flags.raw: shares bytes with 'on'",
      refused(codec.encode, codec, {flags = {on = true, raw = 2}}))
  end)

  it("may say the same twice", function()
    local bytes = codec:encode {v4 = 0x02020202, halves = {low = 0x0202, high = 0x0202}}
    assert.equal(codec:encode {v4 = 0x02020202}, bytes)
  end)
end)

describe("integers", function()
  it("are numbers, and strings the numbers that they say", function()
    local u32, u16 = object:codec("__u32"), object:codec("__u16")
    for _, text in ipairs {"7", "80", "443", "8080", "0x10"} do
      assert.equal(tonumber(text), u32:decode(u32:encode(text)))
      assert.equal(tonumber(text), u16:decode(u16:encode(text)))
    end
    for _, text in ipairs {"abcd", "ab", "1e3", " 7 ", "", "\1\0\0\0"} do
      assert.matches("expected an integer, got", refused(u32.encode, u32, text))
      assert.matches("expected an integer, got", refused(u16.encode, u16, text))
    end
  end)

  it("of 128 bits are their bytes, and taken as integers", function()
    object.vars.huge = ("\1"):rep(16)
    assert.equal(("\1"):rep(16), object.vars.huge)
    object.vars.huge = 5
    assert.equal(5, object.vars.huge:byte(1) + object.vars.huge:byte(16))
    object.vars.negative = -1
    assert.equal(("\255"):rep(16), object.vars.negative)
    assert.matches("huge: 3 bytes, expected 16", refused(function()
      object.vars.huge = "abc"
    end))
  end)
end)

describe("enums", function()
  local color = object:codec("color", {enum_names = true})
  local mask = object:codec("enum mask")

  it("have several names for a value", function()
    assert.equal("GREEN", color:decode(color:encode "ALIAS"))
    assert.equal("GREEN", color:decode(color:encode "GREEN"))
    assert.equal("RED", color:decode(color:encode(1)))
    assert.equal(77, color:decode(color:encode(77)))
    assert.matches("no value is named 'BLUE'", refused(color.encode, color, "BLUE"))
    assert.matches("names need 'enum_names'", refused(function()
      object:codec("color"):encode "RED"
    end))
  end)

  it("have all values of their integers", function()
    assert.equal(0xffffffff, mask:decode(mask:encode(0xffffffff)))
    assert.equal(0x80000000, mask:decode(mask:encode(0x80000000)))
    local names = object:codec("mask", {enum_names = true})
    assert.equal("ALL", names:decode(names:encode "ALL"))
    assert.equal("TOP", names:decode(names:encode(0x80000000)))
  end)

  it("may have 64 bits", needs("64 bits", function()
    local wide = object:codec("enum wide", {enum_names = true})
    assert.equal(8, wide:size())
    assert.equal("WIDE", wide:decode(wide:encode "SAME"))
  end))
end)

describe("types", function()
  it("of sizes that no integer has are none", function()
    local strings = "\0a\0s\0m\0X\0"
    local function u32(...)
      local out = {}
      for i = 1, select("#", ...) do
        local n = select(i, ...)
        for _ = 1, 4 do
          out[#out + 1] = string.char(n % 256)
          n = math.floor(n / 256)
        end
      end
      return table.concat(out)
    end
    local function btf(types)
      local header = "\159\235\1\0" .. u32(24, 0, #types, #types, #strings)
      return lbpf.btf_new(header .. types .. strings)
    end
    local function integer(length)
      return btf(u32(1, 2 ^ 24, length, 8 * math.min(length, 16)))
    end
    local function enum(length)
      return btf(u32(1, 6 * 2 ^ 24 + 1, length, 7, 1))
    end
    for length = 1, 20 do
      local is_size = length == 1 or length == 2 or length == 4 or length == 8
      local int, enumeration = integer(length), enum(length)
      if int then
        assert.equal(is_size or length == 16, int:codec("a") ~= nil)
      end
      if enumeration then
        assert.equal(is_size, enumeration:codec("enum a") ~= nil)
      end
    end
    -- a structure of a pointer and nothing that says how long pointers are
    local pointers = btf(u32(0, 2 * 2 ^ 24, 0) .. u32(3, 4 * 2 ^ 24 + 1, 8, 5, 1, 0))
    assert.equal(8, pointers:codec("struct s"):size("m"))
  end)
end)
