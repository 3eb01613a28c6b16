-- Programs attached to many functions of a binary at once.
local child = require "child"
local events = require "events"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"

describe("attach_uprobe_multi", function()
  local NEEDS = {"root", "libbpf 1.3", "uprobe_multi"}
  local object, probed

  -- What each test needs can be told only in it.
  local function start()
    probed = child.probe_me()
    object = events.load("uprobe_multi", probed.kernel_pid)
  end

  after_each(function()
    if object then
      object:close()
      probed:stop()
      object = nil
    end
  end)

  it("finds functions by pattern", needs(NEEDS, function()
    start()
    local before = fds.count()
    local link = assert(object.progs.entry:attach_uprobe_multi(nil, probed.path, "probe_a*"))
    assert.equal("uprobe_multi", link:info().type)
    probed:call("add 5")
    assert.same({{cookie = 0, value = 5, pid = probed.kernel_pid, kind = 1}}, events.take(object))
    assert.is_true(link:destroy())
    probed:call("add 6")
    assert.same({}, events.take(object))
    assert.equal(before, fds.count())
  end))

  it("finds them by name, each with its cookie", needs(NEEDS, function()
    start()
    assert(object.progs.entry:attach_uprobe_multi(nil, probed.path, nil,
      {syms = {"main", "probe_add"}, cookies = {1, "0xffffffffffffffff"}}))
    probed:call("add 7")
    assert.same({{cookie = "ffffffffffffffff", value = 7, pid = probed.kernel_pid, kind = 1}},
      events.take(object))
  end))

  it("finds them by offset, with a place that counts users", needs(NEEDS, function()
    start()
    assert(object.progs.entry:attach_uprobe_multi(nil, probed.path, nil,
      {offsets = {probed.offset}, cookies = {8}, ref_ctr_offsets = {0}}))
    local info = object.links.entry:info()
    if info.offsets then -- Linux 6.8
      assert.matches("/probe_me$", info.path)
      assert.same({{probed.offset}, {8}, {0}},
        {info.offsets, info.cookies, info.ref_ctr_offsets})
    end
    probed:call("add 8")
    assert.same({8}, events.pluck(events.take(object), "cookie"))
  end))

  it("runs at returns", needs(NEEDS, function()
    start()
    assert(object.progs.result:attach_uprobe_multi(probed.pid, probed.path, "probe_add",
      {retprobe = true}))
    probed:call("add 9")
    assert.same({{cookie = 0, value = 1009, pid = probed.kernel_pid, kind = 2}},
      events.take(object))
  end))

  it("can be for one process", needs(NEEDS, function()
    start()
    local other = child.probe_me()
    assert(object.progs.entry:attach_uprobe_multi(other.pid, probed.path, "probe_add"))
    probed:call("add 10")
    assert.same({}, events.take(object))
    other:stop()
  end))

  it("is one program for entry and return in a session",
    needs({"root", "libbpf 1.6", "uprobe session"}, function()
      probed = child.probe_me()
      object = events.load("uprobe_session", probed.kernel_pid)
      assert(object.progs.session:attach_uprobe_multi(nil, probed.path, "probe_add",
        {session = true}))
      probed:call("add 11")
      assert.same({11, 1011}, events.pluck(events.take(object), "value"))
    end))

  it("says what is wrong", needs(NEEDS, function()
    start()
    local entry = object.progs.entry
    local link, message, errno = entry:attach_uprobe_multi(nil, probed.path, "none_*")
    assert.is_nil(link)
    assert.matches("^attach_uprobe_multi: program 'entry' to 'none_%*': ", message)
    assert.equal(2, errno)
    link, message, errno = entry:attach_uprobe_multi(nil, "/none", "probe_add")
    assert.is_nil(link)
    assert.matches("No such file or directory %(ENOENT%)", message)
    assert.equal(2, errno)
    local function refused(text, ...)
      local ok, raised = pcall(entry.attach_uprobe_multi, entry, nil, probed.path, ...)
      assert.is_false(ok)
      assert.matches(text, raised, 1, true)
    end
    refused("expected exactly one of a pattern, option 'syms' and option 'offsets'")
    refused("expected exactly one of a pattern", "a*", {syms = {"main"}})
    refused("lists can be used with 'syms' or 'offsets', not with a pattern", "a*", {cookies = {1}})
    refused("option 'cookies' must be a list as long as the others", nil,
      {syms = {"main"}, cookies = {1, 2}})
    refused("option 'offsets': [1] is not an integer", nil, {offsets = {"x"}})
    if not lbpf.has("uprobe_multi.session") then
      refused("'session' needs libbpf 1.6, this is v1", "a*", {session = true})
    end
  end))

  it("needs a newer libbpf", needs({"root", "no libbpf 1.3"}, function()
    local user = events.load("attach_user", 0)
    local link, message, errno = user.progs.entry:attach_uprobe_multi(nil, "build/helpers/probe_me",
      "probe_*")
    assert.is_nil(link)
    assert.matches("^attach_uprobe_multi needs libbpf 1.3, this is v1", message)
    assert.equal(95, errno)
    user:close()
  end))
end)
