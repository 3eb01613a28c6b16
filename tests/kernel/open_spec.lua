-- What the options of open do to a load, and what a load leaves behind.
local bytes = require "bytes"
local lbpf = require "lbpf"
local needs = require "needs"
local process = require "process"

local path = "build/bpf/options.bpf.o"
local zero = 0
local root = "/sys/fs/bpf/lbpf-test-" .. process.pid()

local function exists(file)
  local f = io.open(file)
  if f then
    f:close()
  end
  return f ~= nil
end

-- Loads the object with these options, and where maps are pinned of its own.
local function load(opts, also)
  opts.pin_root_path = root
  local obj = assert(lbpf.open(path, opts))
  if also then
    obj.progs[also]:set_autoload(true)
  end
  return obj, obj:load()
end

describe("option", function()
  after_each(function()
    os.remove(root .. "/pinned")
    os.remove(root)
  end)

  it("pin_root_path says where maps are pinned, and found again",
      needs({"root", "bpffs", "btf"}, function()
    local obj = load({})
    assert.is_true(obj.maps.pinned:fd() >= 0)
    assert.is_true(exists(root .. "/pinned"))
    assert(obj.maps.pinned:update(zero, 0x64636261))
    obj:close()
    local again = load({})
    assert.equal(0x64636261, again.maps.pinned:lookup(0))
    again:close()
    assert.is_true(os.remove(root .. "/pinned"))
    again = load({})
    assert.equal(0, again.maps.pinned:lookup(0))
  end))

  it("kconfig comes before the kernel's configuration", needs({"root", "btf"}, function()
    local function value(kconfig)
      local obj = load({kconfig = kconfig})
      return obj:find_map_by_name("options.kconfig"):lookup(zero)
    end
    assert.equal(bytes.u32(42), value("CONFIG_LBPF_TEST=42\n"))
    assert.equal(bytes.u32(7), value("CONFIG_OTHER=y\nCONFIG_LBPF_TEST=7\n"))
    assert.equal(bytes.u32(0), value("# CONFIG_LBPF_TEST is not set\n"))
  end))

  it("kconfig that is wrong fails the load", needs({"root", "btf"}, function()
    local _, result, message, errno = load({kconfig = "CONFIG_LBPF_TEST=abc\n"})
    assert.is_nil(result)
    assert.matches("^load 'build/bpf/options.bpf.o': Invalid argument %(EINVAL%)\n", message)
    assert.matches("value 'abc' isn't a valid integer", message, 1, true)
    assert.equal(22, errno)
  end))

  it("btf_custom_path is where types are laid out", needs({"root", "btf"}, function()
    local obj, loaded = load({btf_custom_path = "build/bpf/layout.bpf.o"}, "offset")
    assert.equal(obj, loaded)
    -- r0 = 44: the member's offset there, and not in the object itself
    assert.equal("\183\0\0\0\44\0\0\0", obj.progs.offset:insns():sub(1, 8))
    assert.is_nil((select(2, load({}, "offset"))))
  end))

  it("btf_custom_path that is not there fails the load", needs("root", function()
    local _, result, message, errno = load({btf_custom_path = "no/such/btf"}, "offset")
    assert.is_nil(result)
    assert.matches("^load 'build/bpf/options.bpf.o': No such file or directory %(ENOENT%)\n",
      message)
    assert.equal(2, errno)
  end))

  it("kernel_log_size keeps the kernel's log of a load", needs("root", function()
    local obj = assert(lbpf.open("build/bpf/programs.bpf.o",
      {kernel_log_size = 65536, kernel_log_level = 2}))
    collectgarbage()
    assert(obj:load())
    assert.matches("0: (b4) w0 = 0", obj:kernel_log(), 1, true)
    assert.matches("processed 2 insns ", obj:kernel_log(), 1, true)
    obj = assert(lbpf.open("build/bpf/programs.bpf.o",
      {kernel_log_size = 65536, kernel_log_level = 4}))
    assert(obj:load())
    assert.is_nil(obj:kernel_log():find("0: (b7) r0 = 0", 1, true))
    assert.matches("processed 2 insns ", obj:kernel_log(), 1, true)
  end))

  it("kernel_log_size bounds it", needs("root", function()
    local obj = assert(lbpf.open("build/bpf/rejected.bpf.o",
      {kernel_log_size = 512, kernel_log_level = 1}))
    assert.is_nil((obj:load()))
    assert.is_true(#obj:kernel_log() > 400 and #obj:kernel_log() <= 512)
  end))

  it("bpf_token_path that is not there fails the load", needs({"root", "libbpf 1.5"}, function()
    local obj = assert(lbpf.open("build/bpf/programs.bpf.o", {bpf_token_path = "/no/such/bpffs"}))
    local result, message, errno = obj:load()
    assert.is_nil(result)
    assert.matches("/no/such/bpffs", message, 1, true)
    assert.equal(2, errno)
  end))
end)

describe("a loaded object", function()
  local function use(finish)
    local obj = assert(assert(lbpf.open("build/bpf/maps.bpf.o")):load())
    assert(obj.maps.hash:update(zero, ("x"):rep(8)))
    local other = assert(lbpf.open("build/bpf/programs.bpf.o"))
    other.progs.second:set_autoload(true)
    assert(other:load())
    assert(other:attach())
    assert(other.links.second:fd() >= 0)
    local bad = assert(lbpf.open("build/bpf/rejected.bpf.o"))
    assert.is_nil((bad:load()))
    if finish then
      finish(obj)
      finish(other)
      finish(bad)
    end
  end

  it("leaves no descriptor when it is closed", needs("root", function()
    local before = process.kept_fds()
    collectgarbage("stop")
    for _ = 1, 3 do
      use(function(obj)
        assert.is_true(process.fds() > before)
        obj:close()
      end)
      assert.equal(before, process.fds())
    end
    collectgarbage("restart")
  end))

  it("leaves no descriptor when it is dropped", needs("root", function()
    local before = process.kept_fds()
    for _ = 1, 3 do
      use()
    end
    assert.equal(before, process.kept_fds())
  end))

  it("is collected with its links, although closures see it", needs("root", function()
    local before = process.kept_fds()
    local dropped = setmetatable({}, {__mode = "v"})
    do
      local seen = {}
      local id = lbpf.register_prog_handler("nameless", "raw_tracepoint", nil, {
        cookie = seen,
        prog_attach_fn = function(prog, cookie)
          assert(cookie == seen)
          return prog:attach_raw_tracepoint("sys_enter")
        end,
      })
      seen.object = assert(assert(lbpf.open("build/bpf/nameless.bpf.o")):load())
      assert(seen.object:attach())
      seen.link = seen.object.links.untyped
      assert.equal("lbpf.link: untyped", tostring(seen.link))
      dropped.seen, dropped.object, dropped.link = seen, seen.object, seen.link
      lbpf.unregister_prog_handler(id)
    end
    assert.equal(before, process.kept_fds())
    assert.is_nil(next(dropped))
  end))
end)
