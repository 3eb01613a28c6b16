-- 45: lbpf.pinned replaces and removes files as root. They might be somebody else's.
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"
local pinned = require "lbpf.pinned"
local pins = require "pins"

local OBJECT = "build/bpf/maps.bpf.o"
local EEXIST, EINVAL, ENOTEMPTY = 17, 22, 39

local function exists(path)
  return child.succeeds("test -e " .. path)
end

describe("hazard 45: lbpf.pinned", function()
  local dir, map

  -- A map of somebody else's.
  local function strange(path)
    return assert(lbpf.obj_pin(map, path))
  end

  local function load(opts)
    local object, message, errno = pinned.load(OBJECT, opts or {pin = dir})
    if object then
      object:close()
    end
    return object ~= nil, message, errno
  end

  before_each(function()
    dir = pins.path()
    map = lbpf.map_create("hash", "strange", 4, 8, 8)
  end)

  after_each(function()
    if map then
      map:close()
    end
    child.succeeds("rm -rf " .. dir)
  end)

  it("leaves ordinary directories alone", needs({"root", "bpffs"}, function()
    local path = os.tmpname()
    os.remove(path)
    assert(child.succeeds(("mkdir %s && touch %s/precious"):format(path, path)))
    for _, result in ipairs {{pinned.remove(path)}, {load {pin = path}}} do
      assert.is_falsy(result[1])
      assert.matches("not in a BPF file system", result[2])
      assert.equal(EINVAL, result[3])
    end
    assert.is_true(exists(path .. "/precious"))
    assert.is_false((load {pin = path .. "/new"}))
    assert.is_false(exists(path .. "/new"))
    child.succeeds("rm -r " .. path)
  end))

  it("takes no directory that has something else", needs({"root", "bpffs"}, function()
    assert(lbpf.pin_mkdir(dir))
    strange(dir .. "/hash")
    local done, message, errno = load()
    assert.is_false(done)
    assert.matches("has what lbpf has not pinned", message)
    assert.equal(EEXIST, errno)
    done, message, errno = pinned.remove(dir)
    assert.is_nil(done)
    assert.matches("has nothing that lbpf has pinned", message)
    assert.equal(EEXIST, errno)
    assert.same({"hash"}, lbpf.pins(dir))
    assert.is_false((load {pin = "/sys/fs/bpf"}))
  end))

  it("takes an empty directory, and leaves it if it fails", needs({"root", "bpffs"}, function()
    assert(lbpf.pin_mkdir(dir))
    assert.has_error(function() load {pin = dir, attach = {{"none", "attach"}}} end)
    assert.same({}, lbpf.pins(dir))
    assert.is_true((load()))
    assert.is_true(pinned.remove(dir))
  end))

  it("leaves what was pinned there later", needs({"root", "bpffs"}, function()
    assert.is_true((load()))
    strange(dir .. "/strange")
    assert(lbpf.pin_mkdir(dir .. "/below"))
    assert.is_true((load())) -- the next version sweeps
    assert.is_true(exists(dir .. "/strange"))
    local done, message, errno = pinned.remove(dir)
    assert.is_nil(done)
    assert.matches("also has what lbpf has not pinned: below, strange", message)
    assert.equal(ENOTEMPTY, errno)
    local left = lbpf.pins(dir)
    table.sort(left)
    assert.same({"below", "strange"}, left)
  end))

  it("leaves what has taken the place of its own", needs({"root", "bpffs"}, function()
    assert.is_true((load()))
    os.remove(dir .. "/array")
    strange(dir .. "/array")
    local done, message, errno = load()
    assert.is_false(done)
    assert.matches("array' is not what lbpf has pinned", message)
    assert.equal(EEXIST, errno)
    assert.is_nil((pinned.remove(dir)))
    assert.same({"array"}, lbpf.pins(dir))
  end))

  it("takes up what a process that was killed has left", needs({"root", "bpffs"}, function()
    local steps, ended = 0
    repeat -- killed before each step that it writes down
      steps = steps + 1
      ended = child.run(([[
        local lbpf = require "lbpf"
        local update, steps = lbpf.map_update, 0
        function lbpf.map_update(...)
          steps = steps + 1
          if steps == %d then
            os.exit(1)
          end
          return update(...)
        end
        assert(require "lbpf.pinned".load("%s", {pin = "%s"}))
        io.write("ended")
      ]]):format(steps, OBJECT, dir)) == "ended"
      assert.is_true((load()))
      assert.is_true(pinned.remove(dir))
    until ended
    assert.is_true(steps > 10)
  end))
end)
