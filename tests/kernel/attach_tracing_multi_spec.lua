-- fentry and fexit programs attached to many functions of the kernel at once.
local child = require "child"
local events = require "events"
local ksyms = require "ksyms"
local lbpf = require "lbpf"
local needs = require "needs"

local ENOENT, EINVAL = 2, 22

local NEEDS = {"root", "libbpf 1.8", "tracing_multi"}

describe("attach_tracing_multi", function()
  local object, probed, prog

  before_each(function()
    probed = child.probe_me()
    object = events.load("tracing_multi", probed.kernel_pid)
    prog = object.progs.enter
  end)

  after_each(function()
    object:close()
    probed:stop()
  end)

  -- The functions of two system calls, their addresses, and their ids in the kernel's BTF.
  local function syscalls()
    local names = {ksyms.syscall("nanosleep"), ksyms.syscall("getpgid")}
    local addresses, ids = {}, {}
    for i, name in ipairs(names) do
      addresses[i] = ksyms.address(name)
      ids[i] = assert(lbpf.find_vmlinux_btf_id(name, "trace_fentry"))
    end
    return names, addresses, ids
  end

  local function call_both()
    probed:call("nanosleep")
    probed:call("getpgid")
    return events.take(object)
  end

  it("attaches to every function that matches a pattern", needs(NEEDS, function()
    local names, addresses = syscalls()
    local before = ksyms.traced()
    local link = assert(prog:attach_tracing_multi(names[1]:gsub("nanosleep", "*getpg?d")))
    assert.equal(object.links.enter, link)
    assert.equal(1, ksyms.traced() - before)
    assert.same({addresses[2]}, events.pluck(call_both(), "value"))
    assert.is_true(link:destroy())
    assert.equal(before, ksyms.traced())
    assert.same({}, call_both())
  end))

  it("attaches to ids, each with its cookie", needs(NEEDS, function()
    local _, addresses, ids = syscalls()
    local link = assert(prog:attach_tracing_multi(nil,
      {ids = ids, cookies = {"0xfedcba9876543210", 42}}))
    local list = call_both()
    assert.same(addresses, events.pluck(list, "value"))
    assert.same({"fedcba9876543210", 42}, events.pluck(list, "cookie"))
    assert.is_true(link:destroy())
    assert(prog:attach_tracing_multi(nil, {ids = {ids[2]}}))
    assert.same({addresses[2]}, events.pluck(call_both(), "value"))
  end))

  it("attaches to returns", needs(NEEDS, function()
    local _, _, ids = syscalls()
    assert(prog:attach_tracing_multi(nil, {ids = ids, cookies = {51, 52}}))
    assert(object.progs.leave:attach_tracing_multi(nil, {ids = ids, cookies = {61, 62}}))
    assert.same({51, 61, 52, 62}, events.pluck(call_both(), "cookie"))
  end))

  it("is what attach() does as the section says", needs(NEEDS, function()
    object:close()
    object = events.load("tracing_multi", probed.kernel_pid, {"named"})
    assert.equal(object.links.named, assert(object.progs.named:attach()))
    local list = call_both()
    assert.same({3}, events.pluck(list, "kind"))
    -- without a pattern there is nothing to attach to
    local link, message = prog:attach()
    assert.is_nil(link)
    assert.matches("attach it with program:attach_tracing_multi()", message, 1, true)
  end))

  it("says what libbpf and the kernel refuse", needs(NEEDS, function()
    local link, message, errno = prog:attach_tracing_multi("no_such_function_*")
    assert.is_nil(link)
    assert.matches("^attach_tracing_multi: program 'enter' to 'no_such_function_%*': Invalid "
      .. "argument %(EINVAL%)", message)
    assert.equal(EINVAL, errno)
    link, message, errno = prog:attach_tracing_multi(nil, {ids = {4294967295}})
    assert.is_nil(link)
    assert.matches("^attach_tracing_multi: program 'enter': ", message)
    assert.is_true(errno == EINVAL or errno == ENOENT)
  end))
end)

describe("attach_tracing_multi", function()
  it("refuses other programs", needs({"root", "libbpf 1.8"}, function()
    local object = events.load("attach_function")
    local link, message, errno = object.progs.multi:attach_tracing_multi(nil, {ids = {1}})
    assert.is_nil(link)
    assert.matches("^attach_tracing_multi: program 'multi': Invalid argument %(EINVAL%); its SEC",
      message)
    assert.equal(EINVAL, errno)
    object:close()
  end))

  it("names the argument or option that is wrong", needs("root", function()
    local object = events.load("attach_function")
    local function refused(pattern, ...)
      local prog, arguments = object.progs.multi, {n = select("#", ...), ...}
      assert.error_matches(function()
        prog:attach_tracing_multi((table.unpack or unpack)(arguments, 1, arguments.n)) -- luacheck: ignore
      end, pattern)
    end

    refused("expected either a pattern or option 'ids'")
    refused("expected either a pattern or option 'ids'", "vfs_*", {ids = {1}})
    refused("option 'cookies' needs option 'ids'", "vfs_*", {cookies = {1}})
    refused("option 'cookies' must be a list as long as the others", nil,
      {ids = {1, 2}, cookies = {1}})
    refused("option 'ids' must be a list", nil, {ids = 1})
    refused("option 'ids': %[2%] is not an integer from 0 to 2%^32 %- 1", nil, {ids = {1, 2 ^ 32}})
    refused("option 'ids': %[1%] is not an integer", nil, {ids = {-1}})
    refused("unknown option 'id'; expected one of: ids, cookies", nil, {id = {1}})
    object:close()
  end))
end)
