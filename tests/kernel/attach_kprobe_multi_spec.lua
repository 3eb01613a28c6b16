-- Programs attached to many functions of the kernel at once.
local child = require "child"
local events = require "events"
local ksyms = require "ksyms"
local lbpf = require "lbpf"
local needs = require "needs"

-- Every system call's function: several hundred.
local SYSCALLS, SYSCALLS_IN_LUA = "__*64_sys_*", "^__%w*64_sys_"

local FPROBE = {"root", "kprobe_multi"}

describe("attach_kprobe_multi", function()
  local object, probed, prog

  before_each(function()
    probed = child.probe_me()
    object = events.load("attach_function", probed.kernel_pid)
    prog = object.progs.multi
  end)

  after_each(function()
    object:close()
    probed:stop()
  end)

  -- The cookies of the events that came from a system call's function.
  local function cookies_of(name, list)
    local cookies = {}
    for _, event in ipairs(list) do
      if event.value == ksyms.address(ksyms.syscall(name)) then
        cookies[#cookies + 1] = event.cookie
      end
    end
    return cookies
  end

  it("attaches to every function that matches a pattern", needs(FPROBE, function()
    local matching, before = ksyms.traceable(SYSCALLS_IN_LUA), ksyms.traced()
    assert.is_true(matching > 200)
    local link = assert(prog:attach_kprobe_multi(SYSCALLS))
    assert.equal(matching, ksyms.traced() - before)
    probed:call("nanosleep")
    probed:call("getpgid")
    local list = events.take(object)
    assert.same({0}, cookies_of("nanosleep", list))
    assert.same({0}, cookies_of("getpgid", list))
    assert.is_true(link:destroy())
    assert.equal(before, ksyms.traced())
    probed:call("getpgid")
    assert.same({}, events.take(object))
  end))

  it("takes a question mark for any one character", needs(FPROBE, function()
    assert(prog:attach_kprobe_multi("__*64_sys_getpg?d"))
    probed:call("nanosleep")
    probed:call("getpgid")
    assert.same({ksyms.address(ksyms.syscall("getpgid"))},
      events.pluck(events.take(object), "value"))
  end))

  it("attaches to the functions of a list, each with its cookie", needs(FPROBE, function()
    local nanosleep, getpgid = ksyms.syscall("nanosleep"), ksyms.syscall("getpgid")
    for _, syms in ipairs({{nanosleep, getpgid}, {getpgid, nanosleep}}) do
      local before = ksyms.traced()
      local link = assert(prog:attach_kprobe_multi(nil, {syms = syms, cookies = {31, 32}}))
      assert.equal(2, ksyms.traced() - before)
      probed:call("nanosleep")
      probed:call("getpgid")
      assert.same(syms[1] == nanosleep and {31, 32} or {32, 31},
        events.pluck(events.take(object), "cookie"))
      assert.is_true(link:destroy())
    end
  end))

  it("attaches to addresses, each with its cookie", needs(FPROBE, function()
    local nanosleep = ksyms.address(ksyms.syscall("nanosleep"))
    local getpgid = ksyms.address(ksyms.syscall("getpgid"))
    for _, addrs in ipairs({{nanosleep, getpgid}, {getpgid, nanosleep}}) do
      local link = assert(prog:attach_kprobe_multi(nil, {
        addrs = {"0x" .. addrs[1], "0x" .. addrs[2]},
        cookies = {"0xfedcba9876543210", 42},
      }))
      probed:call("nanosleep")
      probed:call("getpgid")
      local list = events.take(object)
      assert.same({nanosleep, getpgid}, events.pluck(list, "value"))
      assert.same(addrs[1] == nanosleep and {"fedcba9876543210", 42} or {42, "fedcba9876543210"},
        events.pluck(list, "cookie"))
      assert.is_true(link:destroy())
    end
  end))

  it("attaches to returns", needs(FPROBE, function()
    local syms = {ksyms.syscall("nanosleep")}
    assert(prog:attach_kprobe_multi(nil, {syms = syms, cookies = {51}}))
    assert(prog:attach_kprobe_multi(nil, {syms = syms, cookies = {52}, retprobe = true}))
    probed:call("nanosleep")
    assert.same({51, 52}, events.pluck(events.take(object), "cookie"))
  end))

  describe("with unique_match", function()
    it("takes a pattern that matches one function", needs(FPROBE, function()
      local before = ksyms.traced()
      assert(prog:attach_kprobe_multi(ksyms.syscall("nanosleep"), {unique_match = true}))
      assert.equal(1, ksyms.traced() - before)
      probed:call("nanosleep")
      assert.equal(1, #events.take(object))
      assert(prog:attach_kprobe_multi("__*64_sys_getpg?d", {unique_match = true}))
      assert.equal(2, ksyms.traced() - before)
    end))

    it("refuses one that matches many", needs(FPROBE, function()
      local before = ksyms.traced()
      local link, message, errno = prog:attach_kprobe_multi(SYSCALLS, {unique_match = true})
      assert.is_nil(link)
      local native = lbpf.version_string() >= "v1.6" -- libbpf counts itself, and says so
      assert.matches((native and "^attach_kprobe_multi: .*%%(EINVAL%%).* %%(%d matches%%)"
        or "^attach_kprobe_multi: %d functions match '.*', unique_match wants one %%(EINVAL%%)$")
        :format(ksyms.traceable(SYSCALLS_IN_LUA)), message)
      assert.equal(22, errno)
      assert.equal(before, ksyms.traced())
    end))

    it("refuses one that matches none", needs(FPROBE, function()
      local link, message, errno = prog:attach_kprobe_multi("no_such_*", {unique_match = true})
      assert.is_nil(link)
      assert.matches("^attach_kprobe_multi: program 'multi' to 'no_such_%*': No such file or "
        .. "directory %(ENOENT%); no function that fprobe can trace matches", message)
      assert.equal(2, errno)
    end))

    it("changes nothing when it is false", needs(FPROBE, function()
      assert(prog:attach_kprobe_multi(SYSCALLS, {unique_match = false}))
      assert.is_true(ksyms.traced() > 200)
    end))
  end)

  it("says that nothing matches", needs(FPROBE, function()
    local link, message, errno = prog:attach_kprobe_multi("no_such_*")
    assert.is_nil(link)
    assert.matches("^attach_kprobe_multi: program 'multi' to 'no_such_%*': No such file or "
      .. "directory %(ENOENT%); no function that fprobe can trace matches", message)
    assert.equal(2, errno)
  end))

  it("says that a function of a list is none", needs(FPROBE, function()
    local before = ksyms.traced()
    local link, message, errno = prog:attach_kprobe_multi(nil,
      {syms = {ksyms.syscall("nanosleep"), "no_such_function"}})
    assert.is_nil(link)
    assert.matches("^attach_kprobe_multi: program 'multi': ", message)
    -- newer kernels: ENOENT
    assert.is_truthy(
      message:find("(ESRCH); fprobe cannot trace one of the functions", 1, true)
        or message:find("(ENOENT); no function that fprobe can trace matches", 1, true))
    assert.is_number(errno)
    assert.equal(before, ksyms.traced())
  end))

  it("says that a program was not made for it", needs(FPROBE, function()
    local link, message, errno = object.progs.entry:attach_kprobe_multi(SYSCALLS)
    assert.is_nil(link)
    assert.matches("^attach_kprobe_multi: program 'entry' to '__%*64_sys_%*': Invalid argument "
      .. "%(EINVAL%); the program must be SEC%(\"kprobe.multi\"%)", message)
    assert.equal(22, errno)
  end))

  it("says so where the kernel has no fprobe", needs({"root", "no kprobe_multi"}, function()
    local link, message = prog:attach_kprobe_multi(nil, {syms = {"schedule"}})
    assert.is_nil(link)
    assert.matches("fprobe", message, 1, true)
  end))

  describe("with a session", function()
    it("runs at entry and return", needs({"root", "libbpf 1.5", "kprobe session"}, function()
      local sessions = events.load("attach_session", probed.kernel_pid)
      local nanosleep = ksyms.syscall("nanosleep")
      local link = assert(sessions.progs.session:attach_kprobe_multi(nil,
        {syms = {nanosleep}, cookies = {61}, session = true}))
      probed:call("nanosleep")
      local value = ksyms.address(nanosleep)
      assert.same({
        {cookie = 61, value = value, pid = probed.kernel_pid, kind = 1},
        {cookie = 61, value = value, pid = probed.kernel_pid, kind = 2},
      }, events.take(sessions))
      assert.is_true(link:destroy())
      assert(sessions.progs.session:attach_kprobe_multi(nanosleep,
        {session = true, unique_match = true}))
      probed:call("nanosleep")
      assert.same({1, 2}, events.pluck(events.take(sessions), "kind"))
      sessions:close()
    end))

    it("says which libbpf it needs", needs("root", function()
      local ok, message = pcall(function()
        return prog:attach_kprobe_multi("no_such_*", {session = true})
      end)
      local old = tonumber(lbpf.version_string():match("%.(%d+)")) < 5
      assert.equal(not old, ok)
      if old then
        assert.matches("option 'session' needs libbpf 1.5, this is v1.", message, 1, true)
      end
    end))
  end)

  it("checks its arguments", needs("root", function()
    local function refused(expected, ...)
      local args, n = {...}, select("#", ...)
      assert.error_matches(function()
        return prog:attach_kprobe_multi((table.unpack or unpack)(args, 1, n)) -- luacheck: ignore
      end, expected)
    end
    local one = "expected exactly one of a pattern, option 'syms' and option 'addrs'"
    refused(one)
    refused(one, nil, {})
    refused(one, "a*", {syms = {"a"}})
    refused(one, "a*", {addrs = {1}})
    refused(one, nil, {syms = {"a"}, addrs = {1}})
    refused("option 'cookies' can be used with 'syms' or 'addrs', not with a pattern", "a*",
      {cookies = {1}})
    refused("option 'unique_match' needs a pattern", nil, {syms = {"a"}, unique_match = true})
    refused("option 'cookies' must be a list as long as the others", nil,
      {syms = {"a", "b"}, cookies = {1}})
    refused("option 'cookies' must be a list as long as the others", nil,
      {addrs = {1}, cookies = {1, 2}})
    refused("option 'syms' must be a list as long as the others", nil, {syms = {}})
    refused("option 'syms' must be a list", nil, {syms = "a"})
    refused("option 'addrs' must be a list", nil, {addrs = 1})
    refused("option 'syms': %[2%] is not a string", nil, {syms = {"a", 1}})
    refused("option 'addrs': %[1%] is not an integer", nil, {addrs = {1.5}})
    refused("option 'cookies': %[2%] is not an integer", nil,
      {syms = {"a", "b"}, cookies = {1, {}}})
    refused("option 'unique_match' must be a boolean", "a*", {unique_match = 1})
    refused("option 'retprobe' must be a boolean, not string", "a*", {retprobe = "yes"})
    refused("unknown option 'sym'; expected one of: syms, addrs, cookies, retprobe, session, ",
      nil, {sym = {"a"}})
    refused("string expected", {})
    refused("table expected", "a*", 1)
  end))
end)
