-- Two object files become one, which opens, loads and runs.
local elf = require "elf"
local lbpf = require "lbpf"
local lfs = require "lfs"
local needs = require "needs"

local main, other = "build/bpf/link_main.bpf.o", "build/bpf/link_other.bpf.o"
local zero = ("\0"):rep(4)

local function u32(bytes)
  return elf.uint(bytes, 0, 4)
end

-- The descriptor that this process has of a file.
local function fd_of(path)
  for name in lfs.dir("/proc/self/fd") do
    local target = lfs.symlinkattributes("/proc/self/fd/" .. name, "target")
    if target and target:sub(-#path) == path then
      return tonumber(name)
    end
  end
end

describe("a linker", function()
  local path

  before_each(function()
    path = os.tmpname()
  end)

  after_each(function()
    os.remove(path)
  end)

  local function check_whole()
    local obj = assert(lbpf.open(path, {object_name = "joined"}))
    assert.is_not_nil(obj.progs.whole)
    assert.is_not_nil(obj:btf():find_by_name_kind("other", "func"))
    obj:close()
  end

  it("joins a function, a variable and a map to who uses them", needs({"root", "tracefs"},
    function()
      local linker = assert(lbpf.linker(path))
      assert.equal(linker, linker:add_file(main))
      assert.equal(linker, linker:add_file(other))
      assert.equal(linker, linker:finalize())
      assert.is_true(linker:close())
      local obj = assert(lbpf.open(path, {object_name = "joined"}))
      assert(obj:load())
      assert(obj:attach())
      assert.is_true(#elf.read("/proc/self/stat") > 0) -- some system calls
      assert.equal(42, u32(obj.maps[".bss"]:lookup(zero)))
      local calls = obj.maps.calls:lookup(0)
      assert.is_true(calls >= 40)
      assert.equal(0, calls % 40)
      obj:close()
    end))

  it("takes half of them alone for what they are", needs("root", function()
    local obj = lbpf.open(main)
    local loaded = obj and obj:load()
    assert.is_nil(loaded)
  end))

  it("reads and writes what is open, and reads what is in memory", function()
    local output, input = assert(io.open(path, "wb")), assert(io.open(main, "rb"))
    local linker = assert(lbpf.linker(fd_of(path)))
    assert.equal(linker, linker:add_fd(fd_of(main)))
    output:close()
    input:close()
    assert.equal(linker, linker:add_buf(elf.read(other)))
    assert.equal(linker, linker:finalize())
    check_whole()
  end)

  it("says what it cannot write or read", function()
    local linker, message, errno = lbpf.linker("/no/such/directory/x.o")
    assert.is_nil(linker)
    assert.matches("^linker '/no/such/directory/x.o': No such file or directory %(ENOENT%)",
      message)
    assert.equal(2, errno)
    linker = assert(lbpf.linker(path))
    local nothing
    nothing, message, errno = linker:add_file("no/such/file.o")
    assert.is_nil(nothing)
    assert.matches("^link 'no/such/file.o': No such file or directory %(ENOENT%)", message)
    assert.equal(2, errno)
    linker = assert(lbpf.linker(path))
    nothing, message, errno = linker:add_file("Makefile")
    assert.is_nil(nothing)
    assert.matches("^link 'Makefile': ", message)
    assert.is_true(errno > 0)
  end)

  it("refuses two definitions of one name", function()
    local linker = assert(lbpf.linker(path))
    assert(linker:add_file(other))
    local nothing, message, _, log = linker:add_file(other)
    assert.is_nil(nothing)
    assert.matches("^link '" .. other .. "': Invalid argument %(EINVAL%)", message)
    assert.matches("conflicting", log)
  end)
end)
