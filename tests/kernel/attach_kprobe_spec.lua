-- Programs attached to a function of the kernel: kprobe and ksyscall.
local child = require "child"
local events = require "events"
local ksyms = require "ksyms"
local lbpf = require "lbpf"
local needs = require "needs"

describe("a kernel function:", function()
  local object, probed

  before_each(function()
    probed = child.probe_me()
    object = events.load("attach_function", probed.kernel_pid)
  end)

  after_each(function()
    object:close()
    probed:stop()
  end)

  describe("attach_kprobe", function()
    it("runs at the entry, with a cookie", needs({"root", "kprobes", "cookies"}, function()
      local link = assert(object.progs.entry:attach_kprobe("hrtimer_nanosleep",
        {bpf_cookie = "0xfedcba9876543210"}))
      probed:call("nanosleep")
      assert.same({{
        cookie = "fedcba9876543210", value = ksyms.address("hrtimer_nanosleep"),
        pid = probed.kernel_pid, kind = 1,
      }}, events.take(object))
      assert.is_true(link:destroy())
      probed:call("nanosleep")
      assert.same({}, events.take(object))
    end))

    it("runs at the return", needs({"root", "kprobes", "cookies"}, function()
      assert(object.progs.result:attach_kprobe("hrtimer_nanosleep",
        {retprobe = true, bpf_cookie = 12}))
      probed:call("nanosleep")
      assert.same({{cookie = 12, value = 0, pid = probed.kernel_pid, kind = 2}},
        events.take(object))
    end))

    it("takes the script's word for entry or return", needs({"root", "kprobes", "cookies"},
      function()
      assert(object.progs.entry:attach_kprobe("hrtimer_nanosleep", {bpf_cookie = 1}))
      assert(object.progs.entry:attach_kprobe("hrtimer_nanosleep",
        {bpf_cookie = 2, retprobe = true}))
      probed:call("nanosleep")
      assert.same({1, 2}, events.pluck(events.take(object), "cookie"))
    end))

    it("says that no instruction starts at an offset", needs({"root", "kprobes"}, function()
      local link, message, errno = object.progs.entry:attach_kprobe("hrtimer_nanosleep",
        {offset = 0x7fffffff})
      assert.is_nil(link)
      assert.matches("^attach_kprobe: program 'entry' to 'hrtimer_nanosleep': ", message)
      assert.is_number(errno)
      assert(object.progs.entry:attach_kprobe("hrtimer_nanosleep", {offset = 0}))
    end))

    it("says that there is no such function", needs({"root", "kprobes"}, function()
      local link, message, errno, log = object.progs.entry:attach_kprobe("no_such_function")
      assert.is_nil(link)
      assert.equal("attach_kprobe: program 'entry' to 'no_such_function': No such file or "
        .. "directory (ENOENT); no such function, or the kernel has no kprobes (CONFIG_KPROBES)",
        message:match("^[^\n]*"))
      assert.equal(2, errno)
      assert.matches("no_such_function", log, 1, true)
    end))

    it("checks its arguments", needs("root", function()
      local prog = object.progs.entry
      assert.error_matches(function() prog:attach_kprobe() end, "#1.*string expected")
      assert.error_matches(function() prog:attach_kprobe("x", {offset = -1}) end,
        "#2.*option 'offset' is out of range")
      assert.error_matches(function() prog:attach_kprobe("x", {retprobe = 1}) end,
        "option 'retprobe' must be a boolean, not number")
      assert.error_matches(function() prog:attach_kprobe("x", {cookie = 1}) end,
        "unknown option 'cookie'; expected one of: bpf_cookie, offset, retprobe, attach_mode")
      assert.error_matches(function() prog:attach_kprobe("x", {true}) end,
        "the names of options must be strings")
      assert.error_matches(function() prog:attach_kprobe("x", {bpf_cookie = "1x"}) end,
        "option 'bpf_cookie' must be an integer, not '1x'")
    end))
  end)

  describe("attach_ksyscall", function()
    it("runs at a system call's entry and return, each with its cookie",
      needs({"root", "kprobes", "cookies"}, function()
        local entry = assert(object.progs.syscall_entry:attach_ksyscall("nanosleep",
          {bpf_cookie = 21}))
        assert(object.progs.syscall_result:attach_ksyscall("nanosleep",
          {bpf_cookie = 22, retprobe = true}))
        probed:call("nanosleep")
        assert.same({
          {cookie = 21, value = 0, pid = probed.kernel_pid, kind = 4},
          {cookie = 22, value = 0, pid = probed.kernel_pid, kind = 5},
        }, events.take(object))
        assert.is_true(entry:destroy())
        probed:call("nanosleep")
        assert.same({22}, events.pluck(events.take(object), "cookie"))
      end))

    it("says that there is no such system call", needs({"root", "kprobes"}, function()
      local link, message, errno = object.progs.syscall_entry:attach_ksyscall("no_such_call")
      assert.is_nil(link)
      assert.matches("^attach_ksyscall: program 'syscall_entry' to 'no_such_call': No such file or "
        .. "directory %(ENOENT%); no such system call, or the kernel has no kprobes", message)
      assert.equal(2, errno)
    end))

    it("checks its arguments", needs("root", function()
      local prog = object.progs.syscall_entry
      assert.error_matches(function() prog:attach_ksyscall() end, "#1.*string expected")
      assert.error_matches(function() prog:attach_ksyscall("nanosleep", {offset = 1}) end,
        "unknown option 'offset'; expected one of: bpf_cookie, retprobe")
    end))
  end)

  it("says so where the kernel has no kprobes", needs({"root", "no kprobes"}, function()
    for _, how in ipairs({"attach_kprobe", "attach_ksyscall"}) do
      local link, message, errno = object.progs.entry[how](object.progs.entry, "nanosleep")
      assert.is_nil(link)
      assert.matches("^" .. how .. ": program 'entry' to 'nanosleep': .*; no such .*, or the "
        .. "kernel has no kprobes %(CONFIG_KPROBES%)", message)
      assert.equal(2, errno)
    end
  end))

  it("cannot be attached to before the program is loaded", needs("root", function()
    local unloaded = assert(lbpf.open("build/bpf/attach_function.bpf.o"))
    assert.error_matches(function() unloaded.progs.entry:attach_kprobe("vfs_read") end,
      "program 'entry' is not loaded$")
    unloaded:close()
    assert.error_matches(function() object.progs.entry.attach_kprobe(unloaded, "vfs_read") end,
      "lbpf.program expected")
  end))
end)
