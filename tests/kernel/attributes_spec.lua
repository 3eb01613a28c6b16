-- What maps are like: what the setters set is what the kernel creates.
local fdinfo = require "fdinfo"
local lbpf = require "lbpf"
local needs = require "needs"

local OBJECT = "build/bpf/attributes.bpf.o"
local NO_PREALLOC, RDONLY, NUMA_NODE = 1, 8, 4

describe("a map's attributes", function()
  local object, maps

  before_each(function()
    object = assert(lbpf.open(OBJECT))
    maps = object.maps
    maps.bare_outer:set_autocreate(false)
  end)

  after_each(function()
    object:close()
  end)

  it("are read as the file has them", function()
    local map = maps.plain
    assert.equal("plain", map:name())
    assert.equal("hash", map:type())
    assert.equal(4, map:key_size())
    assert.equal(8, map:value_size())
    assert.equal(16, map:max_entries())
    assert.equal(NO_PREALLOC, map:map_flags())
    assert.equal(0, tonumber(map:map_extra()))
    assert.equal(0, map:numa_node())
    assert.equal(0, map:ifindex())
    assert.is_true(map:btf_key_type_id() > 0)
    assert.is_true(map:btf_value_type_id() > map:btf_key_type_id())
    assert.equal(0, maps.bare_outer:btf_value_type_id())
    assert.is_true(map:autocreate())
    assert.is_false(map:is_internal())
    assert.is_true(maps[".rodata"]:is_internal())
  end)

  it("are what the kernel gets", needs("root", function()
    local map = maps.unused
    assert.equal(map, map:set_type("lru_hash"))
    assert.equal(map, map:set_key_size(12))
    assert.equal(map, map:set_value_size(24))
    assert.equal(map, map:set_max_entries(100))
    assert.equal(map, map:set_map_flags(NUMA_NODE + RDONLY))
    assert.equal(map, map:set_numa_node(0))
    assert.equal("lru_hash", map:type())
    assert.equal(12, map:key_size())
    assert.equal(24, map:value_size())
    assert.equal(100, map:max_entries())
    assert.equal(NUMA_NODE + RDONLY, map:map_flags())
    assert(object:load())
    local info = fdinfo.read(map:fd())
    assert.equal("9", info.map_type)
    assert.equal("12", info.key_size)
    assert.equal("24", info.value_size)
    assert.equal("100", info.max_entries)
    assert.equal("0x4", info.map_flags) -- that it is read only is the descriptor's
    local ok, message, errno = map:update(("k"):rep(12), ("v"):rep(24))
    assert.is_nil(ok)
    assert.matches("^update: map 'unused': Operation not permitted", message)
    assert.equal(1, errno)
  end))

  it("map_extra of a Bloom filter", needs({"root", "Bloom filters"}, function()
    local map = maps.unused:set_type("bloom_filter"):set_key_size(0):set_map_extra(3)
    assert.equal(3, tonumber(map:map_extra()))
    assert(object:load())
    assert.equal("0x3", fdinfo.read(map:fd()).map_extra)
  end))

  it("numa_node and ifindex are kept for the load", needs("root", function()
    assert.equal(7, maps.unused:set_numa_node(7):numa_node())
    maps.unused:set_numa_node(0)
    assert.equal(4294967295, maps.unused:set_ifindex(4294967295):ifindex())
    local ok, message = object:load()
    assert.is_nil(ok)
    assert.matches("map 'unused': failed to create", message)
  end))

  it("a ring buffer's size is rounded up", function()
    local map = maps.unused:set_type(lbpf.bpf_map_type_str(27)):set_max_entries(5000)
    assert.equal("ringbuf", map:type())
    assert.equal(8192, map:max_entries())
  end)

  it("a map that is not to be created is not", needs("root", function()
    assert.equal(maps.unused, maps.unused:set_autocreate(false))
    assert.is_false(maps.unused:autocreate())
    assert(object:load())
    assert.error_matches(function() maps.unused:fd() end,
      "^map 'unused' does not exist: its autocreate is off$")
    assert.is_number(maps.plain:fd())
  end))

  it("arguments are checked", function()
    local map = maps.unused
    assert.error_matches(function() map:set_type("hush") end, "has no map type 'hush'")
    assert.error_matches(function() map:set_max_entries(-1) end, "not in 0 to 4294967295")
    assert.error_matches(function() map:set_key_size(2 ^ 32) end, "not in 0 to 4294967295")
    assert.error_matches(function() map:set_value_size("x") end, "expected an integer")
    assert.error_matches(function() map:set_map_flags(1.5) end, "expected bits, a name")
    assert.error_matches(function() map:set_autocreate(1) end, "boolean expected")
  end)

  it("need libbpf 1.5 to be attached or not", function()
    if lbpf.has("map.autoattach") then
      assert.is_false(maps.plain:autoattach())
      local ok, message, errno = maps.plain:set_autoattach(false)
      assert.is_nil(ok)
      assert.matches("^set_autoattach: map 'plain': Invalid argument", message)
      assert.equal(22, errno)
    else
      assert.matches("^map:autoattach needs libbpf 1.5, this is v1",
        (select(2, maps.plain:autoattach())))
      assert.matches("needs libbpf 1.5", (select(2, maps.plain:set_autoattach(true))))
    end
  end)

  it("need libbpf 1.7 to be one program's", function()
    if lbpf.has("map.exclusive_program") then
      assert.is_nil(maps.plain:exclusive_program())
      assert.equal(maps.plain, maps.plain:set_exclusive_program(object.progs.count))
      assert.equal(object.progs.count, maps.plain:exclusive_program())
    else
      assert.matches("needs libbpf 1.7", (select(2, maps.plain:exclusive_program())))
      assert.matches("^map:set_exclusive_program needs libbpf 1.7, this is v1",
        (select(2, maps.plain:set_exclusive_program(object.progs.count))))
    end
  end)

  describe("that are one program's", function()
    -- An object whose map is its own, or another's; only PROGRAM of it is loaded.
    local function open(program, secret)
      local one = assert(lbpf.open("build/bpf/exclusive.bpf.o"))
      for prog in one:each_program() do
        prog:set_autoload(prog:name() == program)
      end
      if secret then
        assert(one.maps.secret:reuse_fd(secret))
      end
      return one
    end

    it("are refused to others", needs({"root", "libbpf 1.7"}, function()
      local one = open("holder")
      assert(one.maps.secret:set_exclusive_program(one.progs.holder))
      assert(one:load())
      assert.equal(0, assert(one.progs.holder:test_run({data_in = ("A"):rep(64)})).retval)
      assert.equal(42, one.maps.secret:lookup(0))
      local other = open("thief", one.maps.secret)
      local loaded, message, errno = other:load()
      assert.is_nil(loaded)
      assert.matches("^load '.*exclusive.bpf.o': .*%(EACCES%)", message)
      assert.equal(13, errno)
      other:close()
      one:close()
    end))

    it("are anybody's unless that was said", needs("root", function()
      local one = open("holder")
      assert(one:load())
      local other = open("thief", one.maps.secret)
      assert(other:load())
      other:close()
      one:close()
    end))
  end)

  it("struct_ops maps are attached unless told otherwise", needs("libbpf 1.5", function()
    local ops = assert(lbpf.open("build/bpf/congestion.bpf.o"))
    local map = ops.maps.lbpf_still
    assert.is_true(map:autoattach())
    assert.equal(map, map:set_autoattach(false))
    assert.is_false(map:autoattach())
    ops:close()
  end))
end)

describe("another map in a map's place", function()
  local object, other

  before_each(function()
    object = assert(lbpf.open(OBJECT))
    object.maps.bare_outer:set_autocreate(false)
    other = assert(lbpf.open(OBJECT))
    other.maps.bare_outer:set_autocreate(false)
  end)

  after_each(function()
    object:close()
    other:close()
  end)

  it("is used instead of a new one", needs("root", function()
    assert(other:load())
    local map = object.maps.unused
    assert.equal(map, map:reuse_fd(other.maps.plain))
    assert.equal(16, map:max_entries())
    assert.equal(NO_PREALLOC, map:map_flags())
    assert(other.maps.plain:view({raw = true}):update("\1\0\0\0", "12345678"))
    -- it exists already, and is still found by the name that it has in the file
    assert.equal("12345678", map:view({raw = true}):lookup("\1\0\0\0"))
    assert.equal(map, object:find_map_by_name("unused"))
    assert.error_matches(function() map:set_max_entries(3) end,
      "^map '.-': too late, it exists and is reused$")
    assert(object:load())
    assert.equal(fdinfo.read(other.maps.plain:fd()).map_id, fdinfo.read(map:fd()).map_id)
    other:close()
    assert.equal("12345678", map:view({raw = true}):lookup("\1\0\0\0"))
  end))

  it("must be a map", needs("root", function()
    local file = io.open("/dev/null")
    local ok, message, errno = object.maps.unused:reuse_fd(1000)
    assert.is_nil(ok)
    assert.matches("^reuse_fd: map 'unused': File descriptor in bad state", message)
    assert.equal(77, errno)
    file:close()
    assert.error_matches(function() object.maps.unused:reuse_fd() end,
      "expected a file descriptor, or an object that has one, got nil")
  end))

  it("is the example for a map of maps", needs("root", function()
    assert(other:load())
    local outer = object.maps.bare_outer:set_autocreate(true)
    assert.is_nil(outer:inner_map())
    local ok, message = object:load()
    assert.is_nil(ok)
    assert.matches("bare_outer", message)
    object:close()

    object = assert(lbpf.open(OBJECT))
    outer = object.maps.bare_outer
    assert.equal(outer, outer:set_inner_map_fd(other.maps.leaf))
    local again, again_message, errno = outer:set_inner_map_fd(other.maps.leaf)
    assert.is_nil(again)
    assert.matches("inner_map_fd already specified", again_message)
    assert.equal(22, errno)
    assert(object:load())
    assert(outer:update("\1\0\0\0", string.char(other.maps.leaf:fd(), 0, 0, 0)))
    local refused = outer:update("\2\0\0\0", string.char(other.maps.plain:fd(), 0, 0, 0))
    assert.is_nil(refused)
  end))

  it("can only be given to a map of maps", needs("root", function()
    assert(other:load())
    local before = fdinfo.count_bpf()
    local ok, message, errno = object.maps.plain:set_inner_map_fd(other.maps.leaf)
    assert.is_nil(ok)
    assert.matches("^set_inner_map_fd: map 'plain': Invalid argument", message)
    assert.matches("unsupported map type", message)
    assert.equal(22, errno)
    assert.equal(before, fdinfo.count_bpf())
  end))
end)
