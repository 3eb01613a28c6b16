-- Maps, read and written as bytes.
local bytes = require "bytes"
local lbpf = require "lbpf"
local needs = require "needs"

local u32 = bytes.u32

local function open(name)
  return assert(lbpf.open(("build/bpf/%s.bpf.o"):format(name or "maps")))
end

-- Views of all maps as bytes.
local function load(name)
  local maps = assert(open(name):load()).maps
  return setmetatable({}, {__index = function(_, map)
    return maps[map]:view {raw = true}
  end})
end

local function failure(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return (message:gsub("^[^:]+:%d+: ", ""):gsub("to '[^']*'", "to '?'"))
end

local function sorted_keys(map)
  local keys = {}
  for key in map:pairs() do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

describe("a map", function()
  it("that is not loaded has properties, and no elements", function()
    local map = open().maps.hash
    assert.equal(4, map:max_entries())
    for _, method in ipairs({"fd", "lookup", "update", "delete", "next_key", "pairs"}) do
      assert.equal("map 'hash' does not exist: object 'build/bpf/maps.bpf.o' is not loaded",
        failure(map[method], map, u32(1)))
    end
  end)

  it("has a descriptor of its own", needs("root", function()
    local maps = load()
    assert.is_true(maps.hash:fd() > 2)
    assert.not_equal(maps.hash:fd(), maps.array:fd())
  end))
end)

describe("a hash", function()
  local one, two = "\1\0\0\0\2\0\0\0", "\255\0\255\0\255\0\255\0"

  it("is written, read and deleted", needs("root", function()
    local hash = load().hash
    assert.is_nil(hash:lookup(u32(1)))
    assert.equal(hash, hash:update(u32(1), one))
    assert.equal(one, hash:lookup(u32(1)))
    assert.equal(hash, hash:update(u32(1), two))
    assert.equal(two, hash:lookup(u32(1)))
    assert.is_nil(hash:lookup(u32(2)))
    assert.is_true(hash:delete(u32(1)))
    assert.is_false(hash:delete(u32(1)))
    assert.is_nil(hash:lookup(u32(1)))
  end))

  it("is written as flags say, by name and by number", needs("root", function()
    local hash = load().hash
    local _, message, errno = hash:update(u32(1), one, "exist")
    assert.equal("update: map 'hash': No such file or directory (ENOENT)", message)
    assert.equal(2, errno)
    assert.is_nil(hash:lookup(u32(1)))
    assert(hash:update(u32(1), one, "noexist"))
    _, message, errno = hash:update(u32(1), two, "noexist")
    assert.equal("update: map 'hash': File exists (EEXIST)", message)
    assert.equal(17, errno)
    assert.equal(17, select(3, hash:update(u32(1), two, 1)))
    assert.equal(2, select(3, hash:update(u32(2), two, 2)))
    assert.equal(one, hash:lookup(u32(1)))
    assert(hash:update(u32(1), two, "exist"))
    assert.equal(two, hash:lookup(u32(1)))
    assert(hash:update(u32(1), one, "any"))
    assert(hash:update(u32(1), two, 0))
    assert.equal(two, hash:lookup(u32(1)))
    assert.equal(22, select(3, hash:update(u32(1), one, "0x8000000000000000")))
    assert.equal("bad argument #4 to '?' (expected bits, a name or a list of names (any, noexist, "
      .. "exist, lock, cpu, all_cpus), got 'maybe')",
      failure(hash.update, hash, u32(1), one, "maybe"))
    assert.matches("bad argument #4 to '?' (expected bits, a name or a list of names",
      failure(hash.update, hash, u32(1), one, 0.5), 1, true)
    assert.equal(two, hash:lookup(u32(1)))
  end))

  it("takes keys and values of exactly its sizes", needs("root", function()
    local hash = load().hash
    for key, length in pairs({[""] = 0, abc = 3, abcde = 5}) do
      local message = ("a key of this map has 4 bytes, not %d"):format(length)
      for _, method in ipairs({"lookup", "update", "delete", "next_key"}) do
        local value = method == "update" and one or nil
        assert.matches(message, failure(hash[method], hash, key, value), 1, true)
      end
    end
    assert.matches("bad argument #3 to '?' (a value of this map has 8 bytes, not 9)",
      failure(hash.update, hash, u32(1), one .. "x"), 1, true)
    assert.matches("expected a string of 4 bytes, got nil", failure(hash.lookup, hash, nil),
      1, true)
    assert.matches("expected a string of 4 bytes, got boolean", failure(hash.delete, hash, true),
      1, true)
  end))

  it("that is full says so", needs("root", function()
    local hash = load().hash
    for key = 1, 4 do
      assert(hash:update(u32(key), one))
    end
    local result, message, errno = hash:update(u32(5), one)
    assert.is_nil(result)
    assert.equal("update: map 'hash': Argument list too long (E2BIG)", message)
    assert.equal(7, errno)
    assert(hash:update(u32(4), two))
    assert(hash:delete(u32(1)))
    assert(hash:update(u32(5), one))
  end))

  it("is walked by its keys", needs("root", function()
    local hash = load().hash
    assert.is_nil(hash:next_key())
    for key = 1, 4 do
      assert(hash:update(u32(key), u32(key) .. u32(0)))
    end
    local seen, key = {}, nil
    for _ = 1, 4 do
      key = hash:next_key(key)
      seen[#seen + 1] = key
    end
    assert.is_nil(hash:next_key(key))
    table.sort(seen)
    assert.same({u32(1), u32(2), u32(3), u32(4)}, seen)
    assert.equal(hash:next_key(), (hash:next_key(u32(77)))) -- which is not there
  end))

  it("is walked in a for loop, which may delete", needs("root", function()
    local hash = load().hash
    assert.same({}, sorted_keys(hash))
    for key = 1, 4 do
      assert(hash:update(u32(key), u32(key) .. u32(0)))
    end
    assert.same({u32(1), u32(2), u32(3), u32(4)}, sorted_keys(hash))
    local n = 0
    for key, value in hash:pairs() do
      assert.equal(key .. u32(0), value)
      assert.is_true(hash:delete(key))
      n = n + 1
    end
    assert.equal(4, n)
    assert.same({}, sorted_keys(hash))
  end))

  it("that is emptied inside the loop is walked as it was", needs("root", function()
    local hash = load().hash
    for key = 1, 4 do
      assert(hash:update(u32(key), one))
    end
    local n = 0
    for _ in hash:pairs() do
      n = n + 1
      for key = 1, 4 do
        hash:delete(u32(key))
      end
    end
    assert.equal(4, n)
    assert.equal(0, hash:count())
  end))

  it("that is closed inside the loop is an error there", needs("root", function()
    local obj = assert(open():load())
    local hash = obj.maps.hash
    assert(hash:update(1, one))
    assert(hash:update(2, one))
    local n = 0
    assert.equal("object 'build/bpf/maps.bpf.o' is closed", failure(function()
      for _ in hash:pairs() do
        n = n + 1
        obj:close()
      end
    end))
    assert.equal(1, n)
  end))
end)

describe("an array", function()
  it("has all its elements, and no others", needs("root", function()
    local array = load().array
    local zero, value = ("\0"):rep(8), ("\171"):rep(8)
    assert.equal(zero, array:lookup(u32(2)))
    assert(array:update(u32(2), value))
    assert.equal(value, array:lookup(u32(2)))
    assert.is_nil(array:lookup(u32(3)))
    assert.equal(7, select(3, array:update(u32(3), value))) -- E2BIG
    local result, message, errno = array:delete(u32(2))
    assert.is_nil(result)
    assert.equal("delete: map 'array': Invalid argument (EINVAL)", message)
    assert.equal(22, errno)
    assert.same({u32(0), u32(1), u32(2)}, sorted_keys(array))
  end))
end)

describe("a per-CPU map", function()
  it("has a value for each possible CPU, a list of bytes", needs("root", function()
    local maps, cpus = load(), lbpf.num_possible_cpus()
    local parts = {}
    for cpu = 1, cpus do
      parts[cpu] = ("cpu%02d"):format(cpu % 100)
    end
    assert(maps.percpu_hash:update("k", parts))
    assert.same(parts, maps.percpu_hash:lookup("k"))
    local map = maps.percpu_array
    assert.same({u32(0), cpus}, {map:lookup(u32(1))[1], #map:lookup(u32(1))})
    assert(map:update(u32(1), (u32(7) .. u32(0)):rep(cpus))) -- as the kernel has it: padded
    assert.equal(u32(7), map:lookup(u32(1))[cpus])
    assert.matches(("a value of this map has %d bytes, not 4"):format(8 * cpus),
      failure(map.update, map, u32(1), u32(7)), 1, true)
    for key, each in maps.percpu_hash:pairs() do
      assert.equal("k", key)
      assert.same(parts, each)
    end
  end))
end)

describe("other maps", function()
  it("evict old entries", needs("root", function()
    local map = load().lru_hash
    for key = 1, 3000 do
      assert(map:update(bytes.uint(key, 8), u32(key)))
    end
    assert.equal(u32(3000), map:lookup(bytes.uint(3000, 8)))
    local n = #sorted_keys(map)
    assert.is_true(n > 0 and n <= 1024)
  end))

  it("have long keys and long values", needs({"root", "long keys"}, function()
    local map = load("long_keys").long_keys
    local key, value = ("k"):rep(700), ("v"):rep(2999) .. "\0"
    assert.is_nil(map:lookup(key))
    assert.is_nil(map:next_key())
    assert(map:update(key, value))
    assert.equal(value, map:lookup(key))
    assert.equal(key, map:next_key())
    assert.is_nil(map:next_key(key))
    assert.same({key}, sorted_keys(map))
    for k, v in map:pairs() do
      assert.equal(key, k)
      assert.equal(value, v)
    end
    assert.matches("a value of this map has 3000 bytes, not 2999",
      failure(map.update, map, key, value:sub(2)), 1, true)
  end))

  it("have no keys", needs("root", function()
    local queue = load().queue
    assert.is_nil(queue:lookup())
    assert.equal(queue, assert(queue:update(nil, u32(1))))
    assert(queue:update("", u32(2)))
    assert.equal(u32(1), queue:lookup())
    assert.equal(u32(1), queue:lookup(""))
    local result, message, errno = queue:update(nil, u32(3))
    assert.is_nil(result)
    assert.equal("update: map 'queue': Argument list too long (E2BIG)", message)
    assert.equal(7, errno)
    assert(queue:update(nil, u32(3), "exist")) -- the oldest makes room
    assert.equal(u32(2), queue:lookup())
    assert.matches("a key of this map has 0 bytes, not 1", failure(queue.lookup, queue, "x"),
      1, true)
    assert.matches("a map of this type has no keys", failure(queue.pairs, queue), 1, true)
    assert.equal(22, select(3, queue:next_key()))
  end))
end)

describe("pairs()", function()
  it("walks a map where Lua asks it to", needs("root", function()
    local array = load().array
    local ok, iterator = pcall(pairs, array)
    if not ok then -- Lua 5.1, and LuaJIT without its 5.2 extensions
      assert.equal("Lua 5.1", _VERSION)
      return
    end
    local n = 0
    for key in iterator do
      assert.equal(4, #key)
      n = n + 1
    end
    assert.equal(3, n)
  end))
end)
