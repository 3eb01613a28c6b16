-- Batches: many entries of a map in one system call.

local lbpf = require "lbpf"
local bytes = require "bytes"
local needs = require "needs"
local u32, u64 = bytes.u32, bytes.u64

local EINVAL, E2BIG, ENOTSUPP = 22, 7, 524

-- Lists of N keys and values, from FROM on.
local function entries(n, from)
  local keys, values = {}, {}
  for i = 1, n do
    keys[i] = u32((from or 0) + i)
    values[i] = u64(((from or 0) + i) * 3)
  end
  return keys, values
end

-- A map with N such entries.
local function filled(kind, n, max_entries)
  local map = assert(lbpf.map_create(kind, "batches", 4, 8, max_entries or n))
  local keys, values = entries(n)
  assert.equal(map, lbpf.map_update_batch(map, keys, values))
  return map
end

-- Fails unless the lists are those N entries, each once.
local function assert_all(n, keys, values)
  assert.equal(n, #keys)
  assert.equal(n, #values)
  local seen = {}
  for i = 1, n do
    local key = bytes.number(keys[i])
    if seen[key] or key < 1 or key > n or values[i] ~= u64(key * 3) then
      error("wrong entry " .. key)
    end
    seen[key] = true
  end
end

local function count(map)
  local n, key = 0, lbpf.map_get_next_key(map)
  while key do
    n, key = n + 1, lbpf.map_get_next_key(map, key)
  end
  return n
end

describe("map_lookup_batch", function()
  it("reads 100,000 entries, each once", needs("root", function()
    local keys, values, more = lbpf.map_lookup_batch(filled("hash", 100000))
    assert_all(100000, keys, values)
    assert.is_nil(more)
  end))

  it("goes on where it stopped", needs("root", function()
    local map = filled("hash", 1000)
    local keys, values, calls, token = {}, {}, 0, nil
    repeat
      local k, v, more = lbpf.map_lookup_batch(map, {count = 70, in_batch = token})
      for i = 1, #k do
        keys[#keys + 1], values[#values + 1] = k[i], v[i]
      end
      calls, token = calls + 1, more
      assert.is_true(#k > 0 or not more)
      assert.is_true(#k < 100)
    until not token
    assert_all(1000, keys, values)
    assert.is_true(calls >= 1000 / 100)
  end))

  it("makes room for a hash's bucket that is larger than the batch", needs("root", function()
    local map = filled("hash", 1000)
    local keys, values, token = {}, {}, nil
    repeat
      local k, v, more = lbpf.map_lookup_batch(map, {count = 1, in_batch = token})
      for i = 1, #k do
        keys[#keys + 1], values[#values + 1] = k[i], v[i]
      end
      token = more
    until not token
    assert_all(1000, keys, values)
  end))

  it("reads arrays, and their index is the key", needs("root", function()
    local map = assert(lbpf.map_create("array", nil, 4, 8, 10))
    for i = 0, 9 do
      assert(lbpf.map_update(map, u32(i), u64(i * i)))
    end
    local keys, values, more = lbpf.map_lookup_batch(map, {count = 4})
    assert.same({u32(0), u32(1), u32(2), u32(3)}, keys)
    assert.same({u64(0), u64(1), u64(4), u64(9)}, values)
    keys, values, more = lbpf.map_lookup_batch(map, {in_batch = more})
    assert.equal(6, #keys)
    assert.equal(u64(81), values[6])
    assert.is_nil(more)
  end))

  it("reads per-CPU values of all CPUs", needs("root", function()
    local map = assert(lbpf.map_create("percpu_hash", nil, 4, 4, 10))
    local cpus = lbpf.num_possible_cpus()
    local value = {}
    for cpu = 1, cpus do
      value[cpu] = u32(cpu)
    end
    assert.equal(map, lbpf.map_update_batch(map, {u32(1), u32(2)}, {value, value}))
    local keys, values = lbpf.map_lookup_batch(map)
    assert.equal(2, #keys)
    assert.same({value, value}, values)
    assert.same(value, lbpf.map_lookup(map, u32(2)))
  end))

  it("finds nothing in an empty map", needs("root", function()
    local keys, values, more =
      lbpf.map_lookup_batch(assert(lbpf.map_create("hash", nil, 4, 8, 10)))
    assert.same({{}, {}}, {keys, values})
    assert.is_nil(more)
  end))

  it("walks a trie", needs({"root", "batches of tries"}, function()
    local BPF_F_NO_PREALLOC = 1
    local trie = assert(lbpf.map_create("lpm_trie", nil, 8, 8, 500,
      {map_flags = BPF_F_NO_PREALLOC}))
    local keys, values = {}, {}
    for i = 1, 300 do
      keys[i] = u32(32) .. u32(i)
      values[i] = u64(i)
    end
    assert(lbpf.map_update_batch(trie, keys, values))
    local k, v = lbpf.map_lookup_batch(trie)
    local sum = 0
    for i = 1, #k do
      assert.equal(k[i]:sub(5), v[i]:sub(1, 4))
      sum = sum + tonumber(bytes.number(v[i]))
    end
    assert.equal(300, #k)
    assert.equal(300 * 301 / 2, sum)
  end))

  it("says which maps cannot", needs("root", function()
    local queue = assert(lbpf.map_create("queue", "q", 0, 4, 1))
    local keys, message, errno, partial = lbpf.map_lookup_batch(queue)
    assert.is_nil(keys)
    assert.equal("map_lookup_batch: map 'q': not supported by the kernel (ENOTSUPP)", message)
    assert.equal(ENOTSUPP, errno)
    assert.same({keys = {}, values = {}}, partial)
  end))

  it("refuses a token that is none", needs("root", function()
    local map = filled("hash", 5)
    local ok, message = pcall(lbpf.map_lookup_batch, map, {in_batch = "x"})
    assert.is_false(ok)
    assert.matches("option 'in_batch' must be a result of the last batch", message)
  end))

  it("is a method of an object's maps", needs("root", function()
    local object = assert(lbpf.open("build/bpf/testrun.bpf.o")):load()
    local counts = object.maps.counts:view {raw = true}
    assert.equal(counts, counts:update_batch(entries(5)))
    local keys, values = counts:lookup_batch()
    assert_all(5, keys, values)
    assert.equal(2, counts:delete_batch({u32(1), u32(2), u32(99)}))
    assert.equal(3, #counts:lookup_and_delete_batch())
    assert.equal(0, #counts:lookup_batch())
    object:close()
  end))
end)

describe("map_lookup_and_delete_batch", function()
  it("empties the map", needs("root", function()
    local map = filled("hash", 5000)
    local keys, values, more = lbpf.map_lookup_and_delete_batch(map)
    assert_all(5000, keys, values)
    assert.is_nil(more)
    assert.is_nil(lbpf.map_get_next_key(map))
  end))

  it("takes about as many as asked for, and leaves the rest", needs("root", function()
    local map = filled("hash", 1000)
    local keys = lbpf.map_lookup_and_delete_batch(map, {count = 100})
    assert.is_true(#keys > 0 and #keys < 130)
    assert.equal(1000 - #keys, count(map))
  end))
end)

describe("map_update_batch", function()
  it("tells how many were written before one was refused", needs("root", function()
    local map = assert(lbpf.map_create("hash", "small", 4, 8, 3))
    local keys, values = entries(5)
    local result, message, errno, done = lbpf.map_update_batch(map, keys, values)
    assert.is_nil(result)
    assert.equal(E2BIG, errno)
    assert.equal("map_update_batch: map 'small', entry 4 of 5: Argument list too long (E2BIG)",
      message)
    assert.equal(3, done)
    assert_all(3, lbpf.map_lookup_batch(map))
  end))

  it("obeys element flags: the kernel takes no more than a lock", needs("root", function()
    local map = filled("hash", 3, 10)
    local keys, values = entries(4, 2)
    local _, message, errno, done =
      lbpf.map_update_batch(map, keys, values, {elem_flags = "noexist"})
    assert.equal(EINVAL, errno)
    assert.matches("entry 1 of 4: Invalid argument", message)
    assert.equal(0, done)
    assert.equal(map, lbpf.map_update_batch(map, keys, values, {elem_flags = "any"}))
    assert.equal(6, count(map))
    local ok, text = pcall(lbpf.map_update_batch, map, keys, values, {elem_flags = "sometimes"})
    assert.is_false(ok)
    assert.matches("#4 .*option 'elem_flags': expected bits, a name", text)
  end))

  it("names the entry that has a wrong size", needs("root", function()
    local map = filled("hash", 3, 10)
    local ok, message = pcall(lbpf.map_update_batch, map, {u32(1), "x"}, {u64(1), u64(1)})
    assert.is_false(ok)
    assert.matches("#2 .*%[2%]: a key of this map has 4 bytes", message)
    ok, message = pcall(lbpf.map_update_batch, map, {u32(1)}, {u64(1), u64(1)})
    assert.is_false(ok)
    assert.matches("#3 .*there must be as many values as keys", message)
    assert.equal(map, lbpf.map_update_batch(map, {}, {}))
  end))
end)

describe("map_delete_batch", function()
  it("skips missing keys, and counts the others", needs("root", function()
    local map = filled("hash", 100)
    assert.equal(2, lbpf.map_delete_batch(map, {u32(1000), u32(5), u32(5), u32(7), u32(2000)}))
    assert.equal(98, count(map))
    assert.is_nil(lbpf.map_lookup(map, u32(7)))
    assert.equal(0, lbpf.map_delete_batch(map, {}))
  end))
end)
