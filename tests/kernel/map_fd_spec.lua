-- Maps by descriptor: created without an object, read and written with the kernel's sizes.

local lbpf = require "lbpf"
local bytes = require "bytes"
local fds = require "fds"
local needs = require "needs"
local u32, u64 = bytes.u32, bytes.u64

local EEXIST, ENOENT, E2BIG, EPERM, EINVAL = 17, 2, 7, 1, 22

local function create(...)
  return assert(lbpf.map_create(...))
end

describe("map_create", function()
  it("makes a map with the properties asked for", needs("root", function()
    local BPF_F_NO_PREALLOC = 1
    local map = create("hash", "by_hand", 4, 12, 100, {map_flags = BPF_F_NO_PREALLOC})
    local info = fds.info(map)
    assert.equal("1", info.map_type)
    assert.equal("4", info.key_size)
    assert.equal("12", info.value_size)
    assert.equal("100", info.max_entries)
    assert.equal("0x1", info.map_flags)
  end))

  it("owns the descriptor", needs("root", function()
    local before = fds.count()
    local map = create("array", nil, 4, 4, 1)
    assert.equal(before + 1, fds.count())
    map:close()
    assert.equal(before, fds.count())
    create("array", nil, 4, 4, 1)
    assert.equal(before, fds.count())
  end))

  it("takes objects as descriptors", needs("root", function()
    local inner = create("array", nil, 4, 4, 1)
    local outer = create("array_of_maps", nil, 4, 4, 2, {inner_map_fd = inner})
    assert(lbpf.map_update(outer, u32(1), u32(inner:fileno())))
    assert.equal(u32(lbpf.map_get_info_by_fd(inner).id), lbpf.map_lookup(outer, u32(1)))
  end))

  it("says what the kernel refuses, and leaves no descriptor", needs("root", function()
    local before = fds.count()
    local map, message, errno = lbpf.map_create("array", "bad", 3, 4, 1)
    assert.is_nil(map)
    assert.equal("map_create 'bad': Invalid argument (EINVAL)", message)
    assert.equal(EINVAL, errno)
    assert.equal(before, fds.count())
  end))

  it("names the argument or option that is wrong", function()
    assert.has_error(function() lbpf.map_create("hash_map", nil, 4, 4, 1) end,
      "bad argument #1 to 'map_create' (libbpf " .. lbpf.version_string()
      .. " has no map type 'hash_map')")
    local ok, message = pcall(lbpf.map_create, "hash", nil, 4, 4, 1, {map_flag = 1})
    assert.is_false(ok)
    assert.matches("unknown option 'map_flag'; expected one of: btf_fd, ", message)
    ok, message = pcall(lbpf.map_create, "hash", nil, 4, 4, 1, {inner_map_fd = "x"})
    assert.is_false(ok)
    assert.matches("option 'inner_map_fd': expected a file descriptor, or an object", message)
    ok, message = pcall(lbpf.map_create, "hash", nil, -1, 4, 1)
    assert.is_false(ok)
    assert.matches("#3 .*%-1 is not in 0 to 4294967295", message)
  end)
end)

describe("elements by descriptor", function()
  local map

  before_each(function()
    map = lbpf.map_create("hash", "elements", 4, 8, 2)
  end)

  after_each(function()
    map = nil
  end)

  it("are written, read and deleted", needs("root", function()
    assert.equal(map, lbpf.map_update(map, u32(1), u64(10)))
    assert.equal(u64(10), lbpf.map_lookup(map, u32(1)))
    assert.is_true(lbpf.map_delete(map, u32(1)))
    assert.is_false(lbpf.map_delete(map, u32(1)))
    assert.equal(1, select("#", lbpf.map_lookup(map, u32(1))))
    assert.is_nil(lbpf.map_lookup(map, u32(1)))
  end))

  it("are there for a bare number as well", needs("root", function()
    local number = map:fileno()
    assert.equal(number, lbpf.map_update(number, u32(1), u64(10)))
    assert.equal(u64(10), lbpf.map_lookup(number, u32(1)))
  end))

  it("obey flags, by name or number", needs("root", function()
    assert(lbpf.map_update(map, u32(1), u64(10), "noexist"))
    local result, message, errno = lbpf.map_update(map, u32(1), u64(11), "noexist")
    assert.is_nil(result)
    assert.equal("update: map 'elements': File exists (EEXIST)", message)
    assert.equal(EEXIST, errno)
    assert.equal(ENOENT, select(3, lbpf.map_update(map, u32(2), u64(11), 2)))
    assert(lbpf.map_update(map, u32(1), u64(12), "exist"))
    assert.equal(u64(12), lbpf.map_lookup(map, u32(1)))
    assert(lbpf.map_update(map, u32(2), u64(11)))
    assert.equal(E2BIG, select(3, lbpf.map_update(map, u32(3), u64(11))))
    local ok, text = pcall(lbpf.map_update, map, u32(1), u64(1), "sometimes")
    assert.is_false(ok)
    assert.matches("expected bits, a name or a list of names %(any, noexist, exist, ", text)
  end))

  it("are taken at one stroke", needs({"root", "taking from hashes"}, function()
    assert(lbpf.map_update(map, u32(1), u64(10)))
    assert.equal(u64(10), lbpf.map_lookup_and_delete(map, u32(1)))
    assert.is_nil(lbpf.map_lookup(map, u32(1)))
    assert.equal(1, select("#", lbpf.map_lookup_and_delete(map, u32(1))))
    local object = assert(lbpf.open("build/bpf/testrun.bpf.o")):load()
    assert(object.maps.counts:update(3, 9))
    assert.equal(9, tonumber(object.maps.counts:lookup_and_delete(3)))
    assert.is_nil(object.maps.counts:lookup(3))
    object:close()
  end))

  it("are walked key by key", needs("root", function()
    assert.is_nil(lbpf.map_get_next_key(map))
    lbpf.map_update(map, u32(7), u64(0))
    lbpf.map_update(map, u32(8), u64(0))
    local first = lbpf.map_get_next_key(map)
    local second = lbpf.map_get_next_key(map, first)
    local seen = {[first] = true, [second] = true}
    assert.same({[u32(7)] = true, [u32(8)] = true}, seen)
    assert.is_nil(lbpf.map_get_next_key(map, second))
  end))

  it("come out of queues and stacks without a key", needs("root", function()
    for kind, order in pairs({queue = {1, 2}, stack = {2, 1}}) do
      local list = create(kind, nil, 0, 4, 2)
      assert(lbpf.map_update(list, nil, u32(1)))
      assert(lbpf.map_update(list, "", u32(2)))
      assert.equal(u32(order[1]), lbpf.map_lookup(list))
      assert.equal(u32(order[1]), lbpf.map_lookup_and_delete(list, nil))
      assert.equal(u32(order[2]), lbpf.map_lookup_and_delete(list))
      assert.is_nil(lbpf.map_lookup_and_delete(list))
    end
  end))

  it("are asked of a Bloom filter by value", needs({"root", "Bloom filters"}, function()
    local filter = create("bloom_filter", nil, 0, 8, 100)
    assert(lbpf.map_update(filter, nil, u64(5)))
    assert.equal(u64(5), lbpf.map_lookup(filter, u64(5)))
    assert.is_nil(lbpf.map_lookup(filter, u64(6)))
  end))

  it("cannot be changed once the map is frozen", needs("root", function()
    local array = create("array", "frozen", 4, 4, 1)
    assert(lbpf.map_update(array, u32(0), u32(5)))
    assert.equal(array, lbpf.map_freeze(array))
    local result, message, errno = lbpf.map_update(array, u32(0), u32(6))
    assert.is_nil(result)
    assert.matches("^update: map 'frozen': Operation not permitted %(EPERM%)", message)
    assert.equal(EPERM, errno)
    assert.equal(u32(5), lbpf.map_lookup(array, u32(0)))
    assert.is_nil((lbpf.map_freeze(array))) -- EBUSY, in newer kernels EPERM
  end))

  it("of an object's map have the same as methods", needs("root", function()
    local object = assert(lbpf.open("build/bpf/testrun.bpf.o")):load()
    local counts = object.maps.counts
    assert(counts:update(3, 9))
    assert.equal(9, tonumber(lbpf.map_lookup(counts, 3)))
    assert.equal(u64(9), lbpf.map_lookup(counts:fd(), u32(3)))
    assert(counts:delete(3))
    assert.equal("nil nil", tostring(counts:lookup(3)) .. " " .. tostring(counts:next_key()))
    assert.equal(counts, counts:freeze())
    assert.equal(EPERM, select(3, counts:update(3, 9)))
    object:close()
    local ok, message = pcall(counts.freeze, counts)
    assert.is_false(ok)
    assert.matches("is closed$", message)
  end))
end)
