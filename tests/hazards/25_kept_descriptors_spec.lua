-- Hazard 25: libbpf keeps the number of an attach target's descriptor until it loads the program;
-- by then the number may be another file's. The object keeps a duplicate.
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"

describe("an attach target's descriptor", function()
  local target, object

  before_each(needs("root", function()
    target = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(target:load())
    object = assert(lbpf.open("build/bpf/freplace.bpf.o"))
  end))

  after_each(function()
    object:close()
    target:close()
  end)

  it("may be closed before the program is loaded", needs({"root", "trampolines"}, function()
    local fd = target.progs.xdp_asks:fd()
    assert.equal(object.progs.replacement,
      object.progs.replacement:set_attach_target(target.progs.xdp_asks, "asked"))
    target:close()
    -- takes the number
    local other = assert(lbpf.open("build/bpf/maps.bpf.o"))
    assert(other:load())
    assert.matches("bpf", fds.list()[fd])
    assert.equal(object, object:load())
    other:close()
  end))

  it("may be named by the section alone", needs({"root", "trampolines"}, function()
    assert(object.progs.replacement:set_attach_target(target.progs.xdp_asks:fd()))
    target:close()
    assert.equal(object, object:load())
  end))

  it("is closed with the object", needs("root", function()
    local before = fds.count()
    for _ = 1, 10 do
      assert(object.progs.replacement:set_attach_target(target.progs.xdp_asks, "asked"))
    end
    assert.equal(before + 10, fds.count())
    object:close()
    assert.equal(before, fds.count())
    object = assert(lbpf.open("build/bpf/freplace.bpf.o"))
    before = fds.count()
    assert(object.progs.replacement:set_attach_target(target.progs.xdp_asks, "asked"))
    object = nil
    assert.equal(before, fds.count())
    object = assert(lbpf.open("build/bpf/freplace.bpf.o"))
  end))

  it("must be one", needs("root", function()
    local set, message, errno = object.progs.replacement:set_attach_target(1023, "asked")
    assert.is_nil(set)
    assert.matches("Bad file descriptor %(EBADF%)", message)
    assert.equal(9, errno)
    set, message, errno = object.progs.replacement:set_attach_target(target.progs.xdp_asks, "none")
    assert.is_nil(set)
    assert.matches("^set_attach_target: program 'replacement' to 'none': No such file", message)
    assert.equal(2, errno)
    assert.error_matches(function()
      object.progs.replacement:set_attach_target(nil)
    end, "expected a function of the kernel")
  end))
end)
