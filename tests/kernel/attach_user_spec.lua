-- Programs attached to functions of user space: uprobe, uretprobe and usdt.
local child = require "child"
local events = require "events"
local lbpf = require "lbpf"
local needs = require "needs"

local COOKIES = {"root", "cookies"}

describe("user space:", function()
  local object, probed

  before_each(function()
    probed = child.probe_me()
    object = events.load("attach_user", 0)
  end)

  after_each(function()
    object:close()
    probed:stop()
  end)

  describe("attach_uprobe", function()
    it("runs at a function that is found by name, with a cookie", needs(COOKIES, function()
      local link = assert(object.progs.entry:attach_uprobe(nil, probed.path, nil,
        {func_name = "probe_add", bpf_cookie = 41}))
      assert.equal("1005", probed:call("add 5"))
      assert.equal("1006", probed:call("add 6"))
      assert.same({
        {cookie = 41, value = 5, pid = probed.kernel_pid, kind = 1},
        {cookie = 41, value = 6, pid = probed.kernel_pid, kind = 1},
      }, events.take(object))
      assert.is_true(link:destroy())
      probed:call("add 7")
      assert.same({}, events.take(object))
    end))

    it("runs at an offset in the file", needs(COOKIES, function()
      assert(object.progs.entry:attach_uprobe(nil, probed.path, probed.offset, {bpf_cookie = 42}))
      probed:call("add 8")
      assert.same({{cookie = 42, value = 8, pid = probed.kernel_pid, kind = 1}},
        events.take(object))
    end))

    it("runs at a function's return", needs(COOKIES, function()
      assert(object.progs.result:attach_uprobe(nil, probed.path, 0,
        {func_name = "probe_add", retprobe = true, bpf_cookie = 43}))
      probed:call("add 9")
      assert.same({{cookie = 43, value = 1009, pid = probed.kernel_pid, kind = 2}},
        events.take(object))
    end))

    it("can be for one process", needs("root", function()
      local other = child.probe_me()
      assert(object.progs.entry:attach_uprobe(other.pid, probed.path, nil,
        {func_name = "probe_add"}))
      probed:call("add 1")
      other:call("add 2")
      assert.same({{cookie = 0, value = 2, pid = other.kernel_pid, kind = 1}}, events.take(object))
      other:stop()
    end))

    it("takes 0 for this process", needs("root", function()
      assert(object.progs.entry:attach_uprobe(0, probed.path, nil, {func_name = "probe_add"}))
      probed:call("add 1")
      assert.same({}, events.take(object))
    end))

    it("says what is missing", needs("root", function()
      local prog = object.progs.entry
      local link, message, errno = prog:attach_uprobe(nil, probed.path, nil,
        {func_name = "no_such_function"})
      assert.is_nil(link)
      assert.matches("^attach_uprobe: program 'entry' to 'no_such_function': No such file or "
        .. "directory %(ENOENT%); no such file, or no such function in it", message)
      assert.equal(2, errno)
      link, message, errno = prog:attach_uprobe(nil, "no/such/file", 0)
      assert.is_nil(link)
      assert.matches("^attach_uprobe: program 'entry' to 'no/such/file': .*%(ENOENT%)", message)
      assert.equal(2, errno)
    end))

    it("checks its arguments", needs("root", function()
      local prog = object.progs.entry
      assert.error_matches(function() prog:attach_uprobe(nil, probed.path) end,
        "#3.*expected an offset, or option 'func_name'")
      assert.error_matches(function() prog:attach_uprobe(nil, probed.path, -1) end,
        "#3.*%-1 is not in 0 to")
      assert.error_matches(function() prog:attach_uprobe(-2, probed.path, 0) end,
        "#1.*%-2 is not in %-1 to")
      assert.error_matches(function() prog:attach_uprobe(nil, nil, 0) end, "#2.*string expected")
      assert.error_matches(function() prog:attach_uprobe(nil, probed.path, 0, {retprobe = 1}) end,
        "option 'retprobe' must be a boolean, not number")
      assert.error_matches(function() prog:attach_uprobe(nil, probed.path, 0, {func = "x"}) end,
        "unknown option 'func'; expected one of: func_name, retprobe, bpf_cookie, ref_ctr_offset")
      assert.error_matches(function()
        prog:attach_uprobe(nil, probed.path, 0, {func_name = "a\0b"})
      end, "option 'func_name' contains a zero byte")
    end))
  end)

  describe("attach_usdt", function()
    it("runs at a probe, with a cookie and the probe's argument", needs(COOKIES, function()
      local link = assert(object.progs.on_usdt:attach_usdt(nil, probed.path, "lbpf_test", "called",
        {usdt_cookie = "0xfedcba9876543210"}))
      probed:call("usdt 12345")
      assert.same({{cookie = "fedcba9876543210", value = 12345, pid = probed.kernel_pid, kind = 3}},
        events.take(object))
      assert.is_true(link:destroy())
      probed:call("usdt 1")
      assert.same({}, events.take(object))
    end))

    it("can be for one process", needs("root", function()
      local other = child.probe_me()
      assert(object.progs.on_usdt:attach_usdt(other.pid, probed.path, "lbpf_test", "called"))
      probed:call("usdt 1")
      other:call("usdt 2")
      assert.same({{cookie = 0, value = 2, pid = other.kernel_pid, kind = 3}}, events.take(object))
      other:stop()
    end))

    it("says that the object was compiled for another libbpf",
      needs({"root", "libbpf 1.7", "compiled_elsewhere"}, function()
        local other = assert(lbpf.open("build/bpf/attach_user_elsewhere.bpf.o"))
        assert(other:load())
        local link, message, errno = other.progs.on_usdt:attach_usdt(nil, probed.path,
          "lbpf_test", "called")
        assert.is_nil(link)
        assert.equal("attach_usdt: program 'on_usdt' was compiled with the usdt.bpf.h of libbpf "
          .. "1.6 or older, and cannot read what libbpf " .. lbpf.version_string()
          .. " writes for it; compile it with that one's", message)
        assert.equal(95, errno)
        other:close()
      end))

    it("says what is missing", needs("root", function()
      local link, message, errno = object.progs.on_usdt:attach_usdt(nil, probed.path, "lbpf_test",
        "missing")
      assert.is_nil(link)
      assert.matches("^attach_usdt: program 'on_usdt' to 'missing': No such file or directory "
        .. "%(ENOENT%); no such probe in the file: readelf %-n lists them", message)
      assert.equal(2, errno)
    end))

    it("checks its arguments", needs("root", function()
      local prog = object.progs.on_usdt
      assert.error_matches(function() prog:attach_usdt(nil, probed.path, "lbpf_test") end,
        "#4.*string expected")
      assert.error_matches(function()
        prog:attach_usdt(nil, probed.path, "lbpf_test", "called", {bpf_cookie = 1})
      end, "unknown option 'bpf_cookie'; expected one of: usdt_cookie")
    end))
  end)
end)
