-- Maps whose keys and values have odd sizes and kinds.
local lbpf = require "lbpf"
local needs = require "needs"

-- Compiled code takes over in LuaJIT after some rounds.
local ROUNDS = jit and 200 or 2 -- luacheck: globals jit

local object, maps, cpus

setup(function()
  if needs.met("root") then
    object = assert(assert(lbpf.open("build/bpf/odd.bpf.o")):load())
    maps, cpus = object.maps, lbpf.num_possible_cpus()
  end
end)

teardown(function()
  if object then
    object:close()
  end
end)

local function number(value)
  return tonumber((tostring(value):gsub("U?LL$", "")))
end

-- An integer of 64 bits as all Luas print it.
local function text(value)
  return (tostring(value):gsub("U?LL$", ""))
end

local function on_each_cpu(fn)
  local list = {}
  for i = 1, cpus do
    list[i] = fn(i)
  end
  return list
end

local function refused(message, ...)
  local ok, got = pcall(...)
  assert.is_false(ok)
  assert.truthy(got:find(message, 1, true), got)
end

-- The values without the methods that their list has.
local function plain(list)
  local copy = {}
  for i, value in ipairs(list) do
    copy[i] = value
  end
  return copy
end

describe("a map of each CPU's values", function()
  it("may have any size of value", needs("root", function()
    local five = on_each_cpu(function(i) return {c = "cpu" .. i % 10} end)
    assert(maps.cpu_five:update(7, five))
    assert.same(five, plain(maps.cpu_five:lookup(7)))
    local twelve = on_each_cpu(function(i) return {a = 5, b = i} end)
    assert(maps.cpu_twelve:update(2, twelve))
    local sum = 0
    for i, value in ipairs(maps.cpu_twelve:lookup(2)) do
      assert.equal(i, value.b)
      assert.equal(5, number(value.a))
      sum = sum + i
    end
    assert.equal(sum, maps.cpu_twelve:lookup(2):sum "b")
    local bytes = on_each_cpu(function(i) return (250 + i) % 256 end)
    assert(maps.cpu_byte:update(0, bytes))
    assert.same(bytes, plain(maps.cpu_byte:lookup(0)))
    assert.is_nil(maps.cpu_byte:lookup(3))
    assert(maps.cpu_byte:update(0, ("\1\2\3\4\5\6\7\8"):rep(cpus))) -- as the kernel has them
    assert.same(on_each_cpu(function() return 1 end), plain(maps.cpu_byte:lookup(0)))
    local bools = on_each_cpu(function(i) return i % 2 == 0 end)
    assert(maps.cpu_bool:update(255, bools))
    for key, value in maps.cpu_bool:pairs() do
      assert.equal(255, key)
      assert.same(bools, plain(value))
    end
    refused(("expected a list of %d values, one for each CPU, got one of 0"):format(cpus),
      maps.cpu_five.update, maps.cpu_five, 8, {c = "x"})
  end))
end)

describe("a map", function()
  it("that forgets has what it kept", needs("root", function()
    for i = 1, 300 do
      assert(maps.recent:update(i, i * 2))
    end
    local n = 0
    for key, value in maps.recent:pairs() do
      assert.equal(number(key) * 2, number(value))
      n = n + 1
    end
    assert.is_true(n > 0 and n <= 128)
    assert.equal(n, maps.recent:count())
  end))

  it("hides what the kernel keeps for itself", needs("root", function()
    local map = maps.locked
    assert(map:update({c = "k"}, {n = 4, w = 9}))
    for _, flags in ipairs {0, "lock"} do
      local value = map:lookup({c = "k"}, flags)
      assert.same({0, 4, 9}, {value.lock.val, value.n, number(value.w)})
    end
    assert(map:update({c = "k"}, {lock = {val = 77}, n = 5}, "lock"))
    assert.equal(0, map:lookup({c = "k"}).lock.val)
    assert.equal(5, map:lookup({c = "k"}).n)
    assert(maps.timed:update(1, {before = 3, after = 4}))
    local timed = maps.timed:lookup(1)
    assert.same({3, 4}, {number(timed.before), timed.after})
  end))

  it("may have keys of 128 bits, of booleans, and fractions as values", needs("root", function()
    assert(maps.wide:update(("\1"):rep(16), 3))
    assert.equal(3, maps.wide:lookup(("\1"):rep(16)))
    assert(maps.wide:update(-1, 4))
    assert.equal(4, maps.wide:lookup(("\255"):rep(16)))
    assert.is_nil(maps.wide:lookup(5))
    for i = 1, ROUNDS do
      assert(maps.ratios:update(true, i + 0.5))
      assert.equal(i + 0.5, maps.ratios:lookup(true))
      assert.equal(i + 0.5, maps.ratios:lookup(1))
    end
    assert.is_nil(maps.ratios:lookup(false))
    assert.is_nil(maps.ratios:lookup(2))
    assert(maps.ratios:update(false, 3))
    assert.equal(3.0, maps.ratios:lookup(false))
  end))

  it("finds the longest prefix", needs("root", function()
    local function key(length, ...)
      return {key = {prefixlen = length}, address = {...}}
    end
    assert(maps.routes:update(key(8, 10), 8))
    assert(maps.routes:update(key(24, 10, 1, 2, 99), 24))
    assert.equal(24, maps.routes:lookup(key(32, 10, 1, 2, 3)))
    assert.equal(8, maps.routes:lookup(key(32, 10, 9, 9, 9)))
    assert.is_nil(maps.routes:lookup(key(32, 11)))
    local _, message, errno = maps.routes:update(key(33, 1), 1)
    assert.equal("update: map 'routes': Invalid argument (EINVAL)", message)
    assert.equal(22, errno)
  end))

  it("of maps takes maps and tells their ids", needs("root", function()
    assert(maps.second:update({c = "k"}, {a = 9, b = 8}))
    assert(maps.outer:update(1, maps.second))
    local id = maps.outer:lookup(1)
    assert.equal(lbpf.map_get_info_by_fd(maps.second).id, id)
    local inner = lbpf.map(assert(lbpf.map_get_fd_by_id(id)), {btf = object:btf()})
    assert.equal(8, inner:lookup({c = "k"}).b)
    assert.is_nil((maps.outer:update(2, maps.wide)))
    assert.is_true(maps.outer:delete(1))
  end))

  it("of devices and CPUs has values of its own", needs("root", function()
    assert(maps.devices:update(1, {ifindex = 1}))
    assert.equal(1, maps.devices:lookup(1).ifindex)
    assert(maps.cpus:update(0, 2048))
    assert.equal(2048, maps.cpus:lookup(0))
    assert.equal(0, maps.sockets:count())
    assert.equal(0, maps.sockets:clear())
  end))
end)

describe("a number in a map", function()
  it("is exact or refused, the first time and later", needs({"root", "64 bits"}, function()
    local function kept(member, value, expected)
      for _ = 1, ROUNDS do
        local ok, message = pcall(maps.numbers.update, maps.numbers, 1, {[member] = value})
        if expected == nil then
          assert.is_false(ok)
          assert.matches(member .. ": ", message)
        else
          assert(ok, message)
          assert.equal(expected, text(maps.numbers:lookup(1)[member]))
        end
      end
    end
    local max_u64 = jit and "18446744073709551615" or "-1" -- as the Lua prints it
    local half = jit and "9223372036854775808" or "-9223372036854775808"
    for _, case in ipairs {
      {"u64", 2 ^ 53, "9007199254740992"}, {"u64", 2 ^ 63, half}, {"u64", "12", "12"},
      {"u64", "0xffffffffffffffff", max_u64}, {"u64", 2 ^ 64}, {"u64", 1.5}, {"u64", 0 / 0},
      {"u64", 1 / 0}, {"u64", true}, {"u64", "abc"}, {"u64", "1e3"}, {"u64", " 7 "},
      {"s64", -2 ^ 63, "-9223372036854775808"}, {"s64", -1, "-1"}, {"s64", 1.5},
      {"u32", 2 ^ 32 - 1, "4294967295"}, {"u32", 2 ^ 32}, {"u32", -1}, {"u32", "0x10", "16"},
      {"s32", -2 ^ 31, "-2147483648"}, {"s32", 2 ^ 31}, {"s32", -2 ^ 31 - 1},
      {"u8", 255, "255"}, {"u8", 256}, {"u8", -1}, {"u8", true}, {"u8", "a"},
      {"yes", true, "true"}, {"yes", 2, "true"}, {"yes", 0, "false"}, {"yes", "x"},
      {"mask", 2 ^ 31, "2147483648"}, {"mask", 2 ^ 32 - 1, "4294967295"}, {"mask", 3, "3"},
      {"mask", "TOP"}, {"single", "x"}, {"single", true},
    } do
      kept(case[1], case[2], case[3])
    end
    for _ = 1, ROUNDS do
      assert(maps.numbers:update(2, {single = 1e300, twice = 1e300}))
      assert.equal(1 / 0, maps.numbers:lookup(2).single)
      assert.equal(1e300, maps.numbers:lookup(2).twice)
      assert(maps.numbers:update(2, {single = 0 / 0}))
      local nan = maps.numbers:lookup(2).single
      assert.is_true(nan ~= nan)
      assert(maps.negative:update(-1, -2))
      assert.equal("-2", text(maps.negative:lookup(-1)))
    end
  end))

  it("of an enum may be a name", needs("root", function()
    local named = maps.numbers:view {enum_names = true}
    for _ = 1, ROUNDS do
      for _, name in ipairs {"LOW", "HIGH", "TOP", "ALL"} do
        assert(named:update(3, {mask = name}))
        assert.equal(name, named:lookup(3).mask)
      end
      assert(named:update(3, {mask = 77}))
      assert.equal(77, named:lookup(3).mask)
    end
    refused("mask: no value is named 'NOPE'; there are: TOP, LOW, ALL, HIGH", named.update, named,
      3, {mask = "NOPE"})
  end))
end)
