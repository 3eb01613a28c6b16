-- What LuaJIT compiles looks up and updates as C does, which lbpf.map_lookup() and
-- lbpf.map_update() are. Elsewhere the two are the same.
local lbpf = require "lbpf"
local needs = require "needs"
if not jit then
  it("what LuaJIT compiles for maps", needs("jit", function() end))
  return
end
local ffi = require "ffi"
local show = require "show"

local C = {lookup = lbpf.map_lookup, update = lbpf.map_update}
local OFTEN = 70 -- enough for a loop to be compiled

local object, maps

-- Numbers, and what may be taken for one.
local INPUTS = {0, -0.0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, -32769, 65535, 65536,
  2 ^ 31 - 1, 2 ^ 31, -2 ^ 31, -2 ^ 31 - 1, 2 ^ 32 - 1, 2 ^ 32, 2 ^ 32 + 1, 2 ^ 53, 2 ^ 53 + 2,
  -2 ^ 53 - 2, 2 ^ 63, -2 ^ 63, 2 ^ 64, -2 ^ 64, 0.5, 1 + 2 ^ -40, 1e300, 1 / 0, -1 / 0, 0 / 0,
  "1", "-1", "0x10", "RED", "GREEN", "4444", "", "x", "88888888", true, false, {}, {1}, print,
  {u32 = 1}, {no_such_member = 1}}

for _, text in ipairs {"0LL", "1LL", "-1LL", "255ULL", "4294967296LL", "0xffffffffffffffffULL",
  "0x8000000000000000ULL", "-0x7fffffffffffffffLL", "2i"} do
  INPUTS[#INPUTS + 1] = loadstring("return " .. text)()
end
for _, cdata in ipairs {ffi.new("int32_t", 1), ffi.new("char[4]"), ffi.new("double", 1), ffi.C} do
  INPUTS[#INPUTS + 1] = cdata
end

-- What a call comes to, as text; the last one if it does not raise.
local function outcome(methods, name, ...)
  local list
  for _ = 1, OFTEN do
    list = {pcall(function(...)
      return methods[name](...)
    end, ...)}
    if not list[1] then
      break
    end
  end
  return show(unpack(list, 1, 4))
end

local function as_compiled(map)
  return {lookup = map.lookup, update = map.update}
end

-- The bytes of all that is in the map, which is empty then.
local function take_all(map)
  local raw, list = map:view {raw = true}, {}
  for key, value in raw:pairs() do
    list[#list + 1] = key .. " = " .. value
  end
  for _, entry in ipairs(list) do
    raw:delete(entry:sub(1, #raw:next_key()))
  end
  table.sort(list)
  return list
end

before_each(function()
  object = assert(lbpf.open("build/bpf/compiled.bpf.o")):load()
  maps = object and object.maps
end)

after_each(function()
  if object then
    object:close()
  end
  object, maps = nil, nil
end)

describe("compiled code for a map", function()
  -- Every view, with every input as a key and as a value.
  local function compare(name, view, key)
    local compiled = as_compiled(view)
    for _, input in ipairs(INPUTS) do
      local where = ("%s, %s"):format(name, show(input))
      assert.equal(outcome(C, "update", view, input, 1),
        outcome(compiled, "update", view, input, 1), where)
      assert.equal(outcome(C, "lookup", view, input),
        outcome(compiled, "lookup", view, input), where)
      assert.equal(outcome(C, "update", view, key, input),
        outcome(compiled, "update", view, key, input), where)
      assert.equal(outcome(C, "lookup", view, key), outcome(compiled, "lookup", view, key), where)
    end
    assert.equal(outcome(C, "lookup", view), outcome(compiled, "lookup", view))
    assert.equal(outcome(C, "update", view), outcome(compiled, "update", view))
    assert.equal(outcome(C, "lookup", view, nil), outcome(compiled, "lookup", view, nil))
    assert.equal(outcome(C, "update", view, nil, nil), outcome(compiled, "update", view, nil, nil))
  end

  for _, name in ipairs {"u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "colors", "flags"} do
    it("writes the same bytes: " .. name, needs("root", function()
      local map = maps[name]
      local compiled = as_compiled(map)
      for _, input in ipairs(INPUTS) do
        for _, args in ipairs {{input, 1}, {1, input}, {input, input}} do
          local said = outcome(C, "update", map, args[1], args[2])
          local wrote = take_all(map)
          assert.equal(said, outcome(compiled, "update", map, args[1], args[2]))
          assert.same(wrote, take_all(map))
        end
      end
    end))

    it("says and reads the same: " .. name, needs("root", function()
      compare(name, maps[name], 1)
      compare(name .. ", numbers", maps[name]:view {numbers = true}, 1)
      compare(name .. ", names", maps[name]:view {enum_names = true}, 1)
    end))
  end

  -- As a key and as a value, through a view or the map itself.
  local function compare_writing(map, view, list)
    local compiled = as_compiled(view)
    for _, input in ipairs(list) do
      for _, args in ipairs {{input, {}}, {{}, input}, {input, input}} do
        local said = outcome(C, "update", view, args[1], args[2])
        local wrote = take_all(map)
        assert.equal(said, outcome(compiled, "update", view, args[1], args[2]), show(input))
        assert.same(wrote, take_all(map), show(input))
      end
    end
  end

  for _, member in ipairs {"u8", "s16", "u32", "s32", "u64", "s64", "flag", "letter", "depth",
    "single", "twice", "name"} do
    it("writes the same bytes of a structure: " .. member, needs("root", function()
      local list = {}
      for i, input in ipairs(INPUTS) do
        list[i] = {[member] = input}
      end
      compare_writing(maps.flat, maps.flat, list)
      compare_writing(maps.flat, maps.flat:view {enum_names = true}, list)
    end))
  end

  it("writes the same structures", needs("root", function()
    local all = {u8 = 1, s16 = -2, u32 = 3, s32 = -4, u64 = 5, s64 = -6, flag = true, letter = 7,
      depth = 1, single = 0.5, twice = 0.1, name = "sixteen letters."}
    local inherits = setmetatable({u8 = 1}, {__index = {u32 = 2, name = "inherited"}})
    local bytes = ("\1"):rep(#assert(object:codec("struct flat"):encode({})))
    compare_writing(maps.flat, maps.flat, {all, {}, {u8 = 1, nope = 2}, {nope = 1}, {1},
      {u8 = 1, 2}, {[1.5] = 1}, {name = ("x"):rep(17)}, inherits, bytes, bytes:sub(2), 1, true})
    assert.equal(maps.flat, maps.flat:update(all, all))
    all.name = nil
    assert.is_nil(maps.flat:lookup(all))
    all.name = "sixteen letters."
    local got = maps.flat:lookup(all)
    assert.equal(-4, got.s32)
    assert.equal("sixteen letters.", got.name)
  end))

  it("leaves the rest to C", needs("root", function()
    compare("by_name", maps.by_name, "a name")
    compare("per_cpu", maps.per_cpu, 1)
    compare("queue", maps.queue, nil)
    compare("raw", maps.u32:view {raw = true}, "4444")
    compare("leaves", maps.leaves, 1)
    compare("bits", maps.bits, 1)
  end))

  it("leaves Bloom filters to C", needs({"root", "Bloom filters"}, function()
    local filter = assert(assert(lbpf.open("build/bpf/bloom.bpf.o")):load())
    compare("bloom", filter.maps.bloom, nil)
    filter:close()
  end))

  it("reads structures", needs("root", function()
    local value = {u8 = 255, s8 = -128, u16 = 65535, s16 = -32768, u32 = 2 ^ 32 - 1, s32 = -2 ^ 31,
      u64 = "0xffffffffffffffff", s64 = "-0x8000000000000000", flag = true, letter = -1, color = 7,
      depth = -1, single = 0.5, twice = 0.1, name = "sixteen letters.", list = {1, "2", 2 ^ 53},
      nested = {{x = 1, y = {2, -3}, tag = "abc"}, {x = -4, tag = "d"}}, wide = ("\1"):rep(16)}
    assert(maps.leaves:update(1, value))
    assert(maps.leaves:update(2, {}))
    assert(maps.bits:update(1, {a = 7, b = 1, c = 2}))
    for _, opts in ipairs {{}, {numbers = true}, {enum_names = true},
      {fields = {"u64", "name", "nested[1].y", "flag", "nested", "wide", "single"}},
      {fields = {"twice"}}, {fields = {"s64"}, numbers = true}} do
      compare("leaves", maps.leaves:view(opts), 1)
      compare("leaves", maps.leaves:view(opts), 2)
    end
    compare("bits", maps.bits:view {fields = {"a"}}, 1)
    compare("bits", maps.bits:view {fields = {"c"}}, 1)
  end))

  it("walks over the same", needs("root", function()
    local leaf = {u64 = "0xffffffffffffffff", name = "a name", list = {1, 2, 3}, flag = true}
    for i = 1, 6 do
      for _, name in ipairs {"u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "colors"} do
        assert(maps[name]:update(i, i))
      end
      leaf.s32, leaf.nested = -i, {{x = i}, {tag = "t"}}
      assert(maps.leaves:update(i, leaf))
      assert(maps.flags:update(i, i % 2 == 0))
      assert(maps.bits:update(i, {a = i, c = i}))
      assert(maps.by_name:update("name" .. i, i))
    end
    local function check(view)
      local expected = {}
      local key = view:next_key()
      while key ~= nil do
        expected[#expected + 1] = show(key, C.lookup(view, key))
        key = view:next_key(key)
      end
      assert.equal(6, #expected)
      table.sort(expected)
      for _ = 1, OFTEN do
        local got = {}
        for k, a, b, c in view:pairs() do
          got[#got + 1] = c ~= nil and show(k, a, b, c) or b ~= nil and show(k, a, b) or show(k, a)
        end
        table.sort(got)
        assert.same(expected, got)
      end
    end
    for _, name in ipairs {"u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "colors", "flags",
        "leaves", "bits", "by_name"} do
      check(maps[name])
      check(maps[name]:view {numbers = true})
      check(maps[name]:view {enum_names = true})
    end
    check(maps.leaves:view {fields = {"u64", "list", "nested[1].x"}})
    check(maps.leaves:view {fields = {"name"}})
  end))
end)
