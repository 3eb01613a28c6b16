-- Pinning objects, programs and maps, and finding them again.
local lbpf = require "lbpf"
local needs = require "needs"

local OBJECT = "build/bpf/attributes.bpf.o"
local DIR = "/sys/fs/bpf/lbpf-pin"
local PROGRAMS = {"count", "other"}
local MAPS = {"plain", "unused", "leaf", "outer", "progs", ".data.slots"}

local function exists(path)
  local ok, _, errno = os.rename(path, path)
  return ok or errno ~= 2
end

local function open()
  local object = assert(lbpf.open(OBJECT))
  object.maps.bare_outer:set_autocreate(false)
  return object
end

local function load_it()
  return assert(open():load())
end

-- The file of a map in DIR: dots become underscores.
local function file_of(map)
  return DIR .. "/" .. map:name():gsub("%.", "_")
end

local function empty()
  local pipe = io.popen("ls -A " .. DIR .. " 2>/dev/null")
  for name in pipe:lines() do
    os.remove(DIR .. "/" .. name)
  end
  pipe:close()
  os.remove(DIR)
end

describe("pinning", function()
  local object

  before_each(empty)

  after_each(function()
    if object then
      object:close()
      object = nil
    end
    empty()
  end)

  it("a map outlives its object, and is found by its pin path", needs({"root", "bpffs"}, function()
    local path = DIR .. "/plain"
    object = load_it()
    local map = object.maps.plain
    assert.is_false(map:is_pinned())
    assert.is_nil(map:pin_path())
    assert.equal(map, map:pin(path))
    assert.is_true(map:is_pinned())
    assert.equal(path, map:pin_path())
    assert(map:view({raw = true}):update("\1\0\0\0", "persists"))
    object:close()
    assert.is_true(exists(path))

    object = open()
    map = object.maps.plain
    assert.equal(path, map:set_pin_path(path):pin_path())
    assert.is_false(map:is_pinned())
    assert(object:load())
    assert.is_true(map:is_pinned())
    assert.equal("persists", map:view({raw = true}):lookup("\1\0\0\0"))
    assert.equal(map, map:unpin())
    assert.is_false(map:is_pinned())
    assert.is_false(exists(path))
    assert.is_nil(map:set_pin_path(nil):pin_path())
  end))

  it("a map that is loaded with a pin path is pinned by the load",
      needs({"root", "bpffs"}, function()
    object = open()
    object.maps.plain:set_pin_path(DIR .. "/auto")
    assert(object:load())
    assert.is_true(exists(DIR .. "/auto"))
    assert.equal(object.maps.plain, object.maps.plain:unpin(DIR .. "/auto"))
    assert.is_false(exists(DIR .. "/auto"))
  end))

  it("a map's paths have to agree", needs({"root", "bpffs"}, function()
    object = load_it()
    local map = assert(object.maps.plain:pin(DIR .. "/plain"))
    local ok, message, errno = map:pin(DIR .. "/elsewhere")
    assert.is_nil(ok)
    assert.matches("^pin: map 'plain': Invalid argument %(EINVAL%)\n", message)
    assert.matches("already has pin path", message)
    assert.equal(22, errno)
    ok, message = map:unpin(DIR .. "/elsewhere")
    assert.is_nil(ok)
    assert.matches("^unpin: map 'plain': .*already has pin path", message)
    assert.is_true(exists(DIR .. "/plain"))
  end))

  it("a program is pinned and unpinned", needs({"root", "bpffs"}, function()
    object = load_it()
    local prog = object.progs.count
    assert.equal(prog, prog:pin(DIR .. "/count"))
    assert.is_true(exists(DIR .. "/count"))
    local ok, message, errno = prog:pin(DIR .. "/count")
    assert.is_nil(ok)
    assert.matches("^pin: program 'count': File exists %(EEXIST%)", message)
    assert.equal(17, errno)
    assert.equal(prog, prog:unpin(DIR .. "/count"))
    assert.is_false(exists(DIR .. "/count"))
    ok, message = prog:unpin(DIR .. "/count")
    assert.is_nil(ok)
    assert.matches("^unpin: program 'count': No such file or directory", message)
  end))

  it("only into a BPF file system", needs({"root", "bpffs"}, function()
    object = load_it()
    local ok, message, errno = object.progs.count:pin("/tmp/lbpf-pin")
    assert.is_nil(ok)
    assert.matches("/tmp/lbpf%-pin is not on BPF FS", message)
    assert.equal(22, errno)
  end))

  it("an object pins all its programs and maps", needs({"root", "bpffs"}, function()
    object = load_it()
    assert.equal(object, object:pin(DIR))
    for _, name in ipairs(PROGRAMS) do
      assert.is_true(exists(DIR .. "/" .. name))
    end
    for _, name in ipairs(MAPS) do
      assert.is_true(exists(file_of(object.maps[name])))
      assert.is_true(object.maps[name]:is_pinned())
    end
    assert.is_false(object.maps.bare_outer:is_pinned())
    assert.equal(object, object:unpin_programs(DIR))
    assert.is_false(exists(DIR .. "/count"))
    assert.is_true(exists(DIR .. "/plain"))
  end))

  it("an object pins its programs alone, or not at all", needs({"root", "bpffs"}, function()
    object = load_it()
    assert.equal(object, object:pin_programs(DIR))
    assert.is_true(exists(DIR .. "/count"))
    assert.is_false(exists(DIR .. "/plain"))
    assert(object.progs.count:unpin(DIR .. "/count"))
    -- the second is there already: the first is not left behind
    local ok, message = object:pin_programs(DIR)
    assert.is_nil(ok)
    assert.matches("^pin_programs: object '.-': File exists", message)
    assert.is_false(exists(DIR .. "/count"))
    assert.is_true(exists(DIR .. "/other"))
  end))

  it("an object pins its maps by their pin paths", needs({"root", "bpffs"}, function()
    object = load_it()
    object.maps.plain:set_pin_path(DIR .. "/one")
    object.maps.leaf:set_pin_path(DIR .. "/two")
    assert.equal(object, object:pin_maps())
    assert.is_true(exists(DIR .. "/one"))
    assert.is_true(exists(DIR .. "/two"))
    assert.is_false(object.maps.unused:is_pinned())
    assert.equal(object, object:unpin_maps())
    assert.is_false(exists(DIR .. "/one"))
    assert.is_false(exists(DIR .. "/two"))
  end))

  it("an object unpins all its programs and maps", needs({"root", "libbpf 1.3", "bpffs"}, function()
    object = assert(lbpf.open(OBJECT))
    -- libbpf looks for files of maps that were not created, too
    object.maps.bare_outer:set_inner_map_fd(load_it().maps.leaf)
    assert(object:load())
    assert(object:pin(DIR))
    assert.equal(object, object:unpin(DIR))
    assert.is_false(exists(DIR .. "/count"))
    assert.is_false(exists(DIR .. "/plain"))
    assert.is_false(object.maps.plain:is_pinned())
  end))

  it("unpin says that libbpf is too old", function()
    object = open()
    if lbpf.has("object.unpin") then
      assert.error_matches(function() object:unpin(DIR) end, "is not loaded$")
    else
      assert.matches("^object:unpin needs libbpf 1.3, this is v1%.%d$",
        (select(2, object:unpin(DIR))))
    end
  end)

  it("asks for what is loaded", function()
    object = open()
    for _, name in ipairs({"pin", "pin_maps", "pin_programs", "unpin_programs"}) do
      assert.error_matches(function() object[name](object, DIR) end,
        "^object '.-attributes.bpf.o' is not loaded$")
    end
    assert.error_matches(function() object.maps.plain:pin(DIR) end, "^map 'plain' does not exist")
    assert.error_matches(function() object.progs.count:pin(DIR) end, "'count' is not loaded")
    assert.error_matches(function() object.progs.count:unpin(DIR) end, "'count' is not loaded")
    assert.error_matches(function() object:pin() end, "bad argument #1")
    local ok, message = object.maps.plain:pin_path()
    assert.is_nil(ok)
    assert.is_nil(message)
  end)
end)
