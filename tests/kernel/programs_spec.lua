-- What the properties of programs do once they are loaded, and which can be changed when.
local lbpf = require "lbpf"
local needs = require "needs"

local function open()
  return assert(lbpf.open("build/bpf/programs.bpf.o"))
end

-- Loads the object's program of this name, and no other.
local function load_only(obj, name)
  for prog in obj:each_program() do
    prog:set_autoload(prog:name() == name)
  end
  return obj:load()
end

describe("a program's", function()
  it("switch decides whether it is loaded", needs("root", function()
    local obj = open()
    obj.progs.second:set_autoload(true)
    assert.equal(obj, assert(obj:load()))
    assert.is_true(obj.progs.first:fd() >= 0)
    assert.is_true(obj.progs.second:fd() >= 0)
    assert.error_matches(function()
      obj.progs.fourth:fd()
    end, "^program 'fourth' is not loaded: its autoload is off$")
  end))

  it("type makes a program of an unknown section loadable", needs("root", function()
    local message, errno = select(2, load_only(open(), "third"))
    assert.matches("missing BPF prog type, check ELF section name 'nameless'", message, 1, true)
    assert.equal(22, errno)
    local obj = open()
    obj.progs.third:set_type("socket_filter")
    assert(load_only(obj, "third"))
    assert.is_true(obj.progs.third:fd() >= 0)
  end))

  it("expected attach type is checked by the kernel", needs("root", function()
    local obj = open()
    obj.progs.third:set_type("cgroup_sock_addr")
    assert.equal(22, select(3, load_only(obj, "third")))
    obj = open()
    obj.progs.third:set_type("cgroup_sock_addr"):set_expected_attach_type("cgroup_inet4_connect")
    assert(load_only(obj, "third"))
  end))

  it("flags reach the kernel", needs("root", function()
    local obj = open()
    obj.progs.first:set_flags(0x80000000) -- which means nothing
    assert.equal(22, select(3, obj:load()))
    obj = open()
    obj.progs.first:set_flags(2) -- BPF_F_ANY_ALIGNMENT
    assert(obj:load())
  end))

  it("ifindex reaches the kernel, which offloads nothing to lo", needs("root", function()
    local obj = open()
    obj.progs.third:set_type("xdp"):set_ifindex(1)
    local loaded, _, errno = load_only(obj, "third")
    assert.is_nil(loaded)
    assert.is_true(errno == 22 or errno == 95) -- as the kernel was configured
    obj = open()
    obj.progs.third:set_type("xdp"):set_ifindex(0)
    assert(load_only(obj, "third"))
  end))

  it("attach target is what the kernel loads it for", needs({"root", "btf"}, function()
    local obj = open()
    local message = select(2, load_only(obj, "fourth"))
    assert.is_string(message)
    obj = open()
    assert(obj.progs.fourth:set_attach_target(0, "sys_enter"))
    assert(load_only(obj, "fourth"))
    assert(obj.progs.fourth:attach_trace()):destroy()
  end))

  it("attach target can be a program's function", needs({"root", "trampolines"}, function()
    local target = open()
    assert(target:load())
    assert.is_nil((load_only(open(), "fifth")))
    for _, program in ipairs({target.progs.first, target.progs.first:fd()}) do
      local obj = open()
      assert.equal(obj.progs.fifth, obj.progs.fifth:set_attach_target(program, "first"))
      assert(load_only(obj, "fifth"))
    end
  end))

  it("attach target is a program, and a function that it has", needs("root", function()
    local target = open()
    assert(target:load())
    local fifth = open().progs.fifth
    assert(fifth:set_attach_target(target.progs.first, "first"))
    assert.equal(2, select(3, fifth:set_attach_target(target.progs.first, "no_such_function")))
    for target_fd, expected in pairs({
      [-1] = "-1 is not in 0 to 2147483647",
      [true] = "expected a file descriptor, or an object that has one, got boolean",
      [{fd = function() return -1 end}] = "fd() returned -1, not a descriptor",
      [{fileno = function() return "x" end}] = "fileno() returned 'x', not a descriptor",
    }) do
      assert.error_matches(function()
        fifth:set_attach_target(target_fd, "first")
      end, "bad argument #1 to 'set_attach_target' (" .. expected .. ")", 1, true)
    end
    assert.error_matches(function()
      fifth:set_attach_target(open().progs.first, "first")
    end, "program 'first' is not loaded", 1, true)
  end))

  it("attach target that the kernel does not have is an error", needs("root", function()
    local printed = {}
    lbpf.set_print(function(level, text)
      printed[#printed + 1] = level .. " " .. text
    end)
    local obj = open()
    local program, message, errno = obj.progs.fourth:set_attach_target(0, "lbpf_no_such_point")
    lbpf.set_print(nil)
    assert.is_nil(program)
    assert.matches("^set_attach_target: program 'fourth' to 'lbpf_no_such_point': "
      .. "No such process %(ESRCH%)", message)
    assert.equal(3, errno)
    assert.is_true(#printed > 0) -- so nothing went to standard error
    assert.error_matches(function()
      obj.progs.fourth:set_attach_target(-1, "sys_enter")
    end, "-1 is not in 0 to 2147483647", 1, true)
    assert.error_matches(function()
      obj.progs.fourth:set_attach_target(0)
    end, "expected a function of the kernel", 1, true)
    -- libbpf 1.1 keeps the kernel's types, 6 MB, for a load, and forgets them at close without
    assert(obj:load())
  end))

  it("log is kept", needs("root", function()
    local obj = open()
    obj.progs.first:set_log_level(2):set_log_buf(65536)
    collectgarbage()
    assert(obj:load())
    collectgarbage()
    assert.matches("\nprocessed 2 insns ", obj.progs.first:log_buf(), 1, true)
    assert.is_nil(obj.progs.second:log_buf())
  end))

  it("log is kept as far as it fits, also of a failed load", needs("root", function()
    local obj = assert(lbpf.open("build/bpf/rejected.bpf.o"))
    obj.progs.rejected:set_log_buf(65536)
    assert.is_nil((obj:load()))
    assert.matches("R0 invalid mem access 'map_value_or_null'\nprocessed ",
      obj.progs.rejected:log_buf(), 1, true)
    obj = assert(lbpf.open("build/bpf/rejected.bpf.o"))
    obj.progs.rejected:set_log_level(1):set_log_buf(300)
    assert.is_nil((obj:load()))
    local log = obj.progs.rejected:log_buf()
    assert.is_true(#log > 200 and #log <= 300)
  end))

  it("properties are fixed once its object was loaded", needs("root", function()
    local obj = open()
    assert(obj:load())
    local failed = assert(lbpf.open("build/bpf/rejected.bpf.o"))
    assert.is_nil((failed:load()))
    for name, argument in pairs({
      type = "kprobe", expected_attach_type = "xdp", flags = 0, autoload = true, ifindex = 0,
      log_level = 1, log_buf = 4096, insns = ("\0"):rep(8),
    }) do
      local method = "set_" .. name
      assert.error_matches(function()
        obj.progs.first[method](obj.progs.first, argument)
      end, "^program 'first': too late, object 'build/bpf/programs.bpf.o' has been loaded$")
      assert.error_matches(function()
        failed.progs.rejected[method](failed.progs.rejected, argument)
      end, "^program 'rejected': too late, object 'build/bpf/rejected.bpf.o' has been loaded$")
    end
    assert.error_matches(function()
      obj.progs.first:set_attach_target(0, "sys_enter")
    end, "too late", 1, true)
    assert.equal("socket_filter", obj.progs.first:type())
    assert.equal(0, obj.progs.first:flags())
  end))

  it("autoattach can be changed at any time", needs("root", function()
    local obj = open()
    obj.progs.second:set_autoload(true):set_autoattach(false)
    obj.progs.first:set_autoattach(false)
    assert(obj:load())
    assert(obj:attach())
    assert.is_nil(obj.links.second)
    obj.progs.second:set_autoattach(true)
    assert(obj:attach())
    assert.equal("lbpf.link: second", tostring(obj.links.second))
  end))
end)

describe("load", function()
  it("happens once", needs("root", function()
    local obj = open()
    assert(obj:load())
    assert.error_matches(function()
      obj:load()
    end, "^object 'build/bpf/programs.bpf.o' is loaded already$")
    obj = assert(lbpf.open("build/bpf/rejected.bpf.o"))
    assert.is_nil((obj:load()))
    assert.error_matches(function()
      obj:load()
    end, "^object 'build/bpf/rejected.bpf.o' cannot be loaded: a load has failed$")
  end))
end)
