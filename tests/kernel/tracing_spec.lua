-- Programs that the kernel calls through trampolines: fentry, fexit, lsm, freplace.
local child = require "child"
local events = require "events"
local ksyms = require "ksyms"
local lbpf = require "lbpf"
local lfs = require "lfs"
local needs = require "needs"
local network = require "network"

describe("fentry and fexit", function()
  local NEEDS = {"root", "trampolines"}
  local object, probed

  -- What each test needs can be told only in it.
  local function start()
    probed = child.probe_me()
    object = assert(lbpf.open("build/bpf/tracing.bpf.o"))
    object.vars.has_cookies = needs.met "tracing cookies" and 1 or 0
    for _, name in ipairs({"on_entry", "on_exit"}) do
      assert(object.progs[name]:set_autoload(true):set_attach_target(nil, ksyms.syscall("getpgid")))
    end
    assert(object:load())
    assert(object.maps.target:update(0, probed.kernel_pid))
  end

  after_each(function()
    if object then
      object:close()
      probed:stop()
      object = nil
    end
  end)

  it("see a call and what it returned", needs(NEEDS, function()
    start()
    local has_cookies = needs.met "tracing cookies"
    assert(object.progs.on_entry:attach_trace(
      has_cookies and {cookie = "0x8000000000000001"} or nil))
    local link = assert(object.progs.on_exit:attach_trace())
    assert.equal("tracing", link:info().type)
    local group = tonumber(probed:call("getpgid"))
    assert.same({
      {
        cookie = has_cookies and "8000000000000001" or 0, value = 0, pid = probed.kernel_pid,
        kind = 1,
      },
      {cookie = 0, value = group, pid = probed.kernel_pid, kind = 2},
    }, events.take(object))
    assert.is_true(link:destroy())
    probed:call("getpgid")
    assert.same({1}, events.pluck(events.take(object), "kind"))
  end))

  it("are attached by their section's kind", needs(NEEDS, function()
    start()
    assert(object.progs.on_exit:attach())
    probed:call("getpgid")
    assert.same({2}, events.pluck(events.take(object), "kind"))
  end))
end)

describe("lsm", function()
  local NEEDS = {"root", "trampolines", "lsm"}

  it("forbids as long as its link lives", needs(NEEDS, function()
    local object = events.load("tracing", nil, {"no_mkdir"})
    local dir = os.tmpname()
    os.remove(dir)
    local link = assert(object.progs.no_mkdir:attach_lsm())
    assert.equal("tracing", link:info().type)
    local made, message = lfs.mkdir(dir)
    assert.is_nil(made)
    assert.matches("Operation not permitted", message)
    assert.is_true(child.succeeds("mkdir " .. dir .. "; rmdir " .. dir))
    assert.is_true(link:destroy())
    assert.is_true(lfs.mkdir(dir))
    assert.is_true(lfs.rmdir(dir))
    object:close()
  end))

  it("is what an lsm program is for, and no other", needs("root", function()
    local object = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(object:load())
    local link, message, errno = object.progs.xdp_drops:attach_lsm()
    assert.is_nil(link)
    assert.matches("^attach_lsm: program 'xdp_drops': Invalid argument %(EINVAL%)", message)
    assert.equal(22, errno)
    object:close()
  end))
end)

describe("freplace", function()
  local NEEDS = {"root", "trampolines"}
  local target, object

  lazy_setup(network.up)
  lazy_teardown(network.down)

  before_each(function()
    target = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(target:load())
    object = assert(lbpf.open("build/bpf/freplace.bpf.o"))
    assert(object.progs.replacement:set_attach_target(target.progs.xdp_asks, "asked"))
  end)

  after_each(function()
    object:close()
    target:close()
  end)

  it("takes the place of the function that it was loaded for", needs(NEEDS, function()
    assert(object:load())
    assert(target.progs.xdp_asks:attach_xdp("near"))
    assert.is_true(network.arrives())
    local link = assert(object.progs.replacement:attach_freplace())
    assert.is_false(network.arrives())
    assert.is_true(link:destroy())
    assert.is_true(network.arrives())
  end))

  it("takes the place of another like it", needs(NEEDS, function()
    assert(object:load())
    local other = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(other:load())
    assert(other.progs.xdp_asks:attach_xdp("near"))
    local link = assert(object.progs.replacement:attach_freplace(other.progs.xdp_asks, "asked"))
    assert.equal("tracing", link:info().type)
    assert.is_false(network.arrives())
    other:close()
  end))

  it("says what is wrong", needs(NEEDS, function()
    assert(object:load())
    local replacement = object.progs.replacement
    assert.error_matches(function()
      replacement:attach_freplace(target.progs.xdp_asks)
    end, "expected both a target and a function, or neither")
    assert.error_matches(function()
      replacement:attach_freplace(nil, "asked")
    end, "expected both a target and a function, or neither")
    local link, message, errno = replacement:attach_freplace(target.progs.xdp_asks, "none")
    assert.is_nil(link)
    assert.matches("^attach_freplace: program 'replacement' to 'none': No such file", message)
    assert.equal(2, errno)
    link, message, errno = target.progs.xdp_drops:attach_freplace()
    assert.is_nil(link)
    assert.matches("Invalid argument %(EINVAL%)", message)
    assert.equal(22, errno)
  end))
end)
