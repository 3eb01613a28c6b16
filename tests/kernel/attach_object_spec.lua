-- Programs attached as their sections say, one or all; obj.links, and links.
local child = require "child"
local events = require "events"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"

local TRACEFS = {"root", "tracefs"}
local LINKS = {"root", "tracefs", "perf event links"}

local function rename()
  os.rename("no/such/file", "no/such/file either")
end

local function kinds(object)
  return events.pluck(events.take(object), "kind")
end

local function names(links)
  local list = {}
  for name in pairs(links) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

describe("object:detach()", function()
  it("destroys all links of the object", needs(TRACEFS, function()
    local object = events.load("attach_section")
    assert(object:attach())
    local first = object.links.named
    assert.is_true(#names(object.links) > 0)
    rename()
    assert.is_true(#kinds(object) > 1)
    local buffer = assert(lbpf.ring_buffer(object.maps.events))
    assert.equal(object, object:detach())
    assert.same({}, names(object.links))
    assert.matches("destroyed", tostring(first))
    rename()
    assert.is_nil(buffer:next(0))
    buffer:close()
    assert.equal(object, object:detach()) -- again there is nothing to do
    assert(object:attach())
    rename()
    assert.is_true(#kinds(object) > 0)
    object:close()
    assert.error_matches(function() object:detach() end, "object '.*' is closed$")
  end))

  it("leaves other objects alone", needs(TRACEFS, function()
    local object, other = events.load("attach_section"), events.load("attach_section")
    assert(object.progs.named:attach())
    assert(other.progs.named:attach())
    assert(object:detach())
    rename()
    assert.same({{}, {1}}, {kinds(object), kinds(other)})
    object:close()
    other:close()
  end))
end)

describe("a program with a section that", function()
  local object

  before_each(function()
    object = events.load("attach_section")
  end)

  after_each(function()
    object:close()
  end)

  it("says to what is attached there", needs(TRACEFS, function()
    local link = assert(object.progs.named:attach())
    assert.equal("lbpf.link: named", tostring(link))
    assert.equal(link, object.links.named)
    rename()
    assert.same({1}, kinds(object))
  end))

  it("does not say to what is attached to nothing", needs("root", function()
    local ways = {unnamed = "raw_tracepoint", unattachable = "xdp"}
    for name, section in pairs({unnamed = "raw_tp", unattachable = "xdp"}) do
      local link, message, errno = object.progs[name]:attach()
      assert.is_nil(link)
      assert.equal(("attach: program '%s', SEC(\"%s\") names no target: Operation not supported "
        .. "(EOPNOTSUPP); attach it with program:attach_%s()"):format(name, section, ways[name]),
        message)
      assert.equal(95, errno)
      assert.is_nil(object.links[name])
    end
  end))

  it("names what is missing gets an error", needs(TRACEFS, function()
    local one = events.load("attach_section", nil, {"missing"})
    local link, message, errno = one.progs.missing:attach()
    assert.is_nil(link)
    assert.matches("^attach: program 'missing' to 'tracepoint/syscalls/no_such_event': "
      .. "No such file or directory %(ENOENT%); no such event, or tracefs is not mounted", message)
    assert.equal(2, errno)
    one:close()
  end))

  it("was not loaded cannot be attached", needs("root", function()
    assert.error_matches(function() object.progs.missing:attach() end,
      "program 'missing' is not loaded: its autoload is off$")
    local unloaded = assert(lbpf.open("build/bpf/attach_section.bpf.o"))
    assert.error_matches(function() unloaded.progs.named:attach() end,
      "program 'named' is not loaded$")
    assert.error_matches(function() unloaded:attach() end, "object '.*' is not loaded$")
    unloaded:close()
    assert.error_matches(function() unloaded:attach() end, "object '.*' is closed$")
  end))

  it("belongs to a closed object cannot be attached", needs("root", function()
    local prog = object.progs.named
    object:close()
    for _, method in ipairs({
      "attach", "attach_kprobe", "attach_kprobe_multi", "attach_ksyscall", "attach_tracepoint",
      "attach_raw_tracepoint", "attach_trace", "attach_perf_event", "attach_uprobe", "attach_usdt",
    }) do
      assert.error_matches(function() prog[method](prog) end, "object '.*' is closed$")
    end
  end))

  it("is attached though its autoattach is off, when it is asked for", needs(TRACEFS, function()
    object.progs.named:set_autoattach(false)
    assert(object.progs.named:attach())
    assert.is_false(object.progs.named:autoattach())
    rename()
    assert.same({1}, kinds(object))
  end))
end)

describe("object:attach", function()
  local object

  before_each(function()
    object = events.load("attach_section")
  end)

  after_each(function()
    object:close()
  end)

  it("attaches what names a target, and passes over the rest", needs(TRACEFS, function()
    assert.equal(object, object:attach())
    assert.same({"also_named", "named"}, names(object.links))
    rename()
    assert.same({1, 2}, kinds(object))
  end))

  it("passes over programs whose autoattach is off", needs(TRACEFS, function()
    object.progs.named:set_autoattach(false)
    assert(object:attach())
    assert.same({"also_named"}, names(object.links))
    rename()
    assert.same({2}, kinds(object))
  end))

  it("passes over programs that are attached", needs(TRACEFS, function()
    local link = assert(object.progs.named:attach_tracepoint("syscalls", "sys_enter_rename"))
    assert(object:attach())
    assert(object:attach())
    assert.equal(link, object.links.named)
    rename()
    assert.same({1, 2}, kinds(object))
    link:destroy()
    assert.same({"also_named"}, names(object.links))
    assert(object:attach())
    rename()
    assert.same({1, 2}, kinds(object))
  end))

  it("takes back what it attached when one fails", needs(TRACEFS, function()
    local one = events.load("attach_section", nil, {"missing"})
    local before = fds.count()
    local result, message, errno = one:attach()
    assert.is_nil(result)
    assert.matches("^attach: program 'missing' to 'tracepoint/syscalls/no_such_event': "
      .. "No such file or directory %(ENOENT%); no such event, or tracefs is not mounted", message)
    assert.equal(2, errno)
    assert.equal(before, fds.count())
    rename()
    assert.same({}, kinds(one))
    one.progs.missing:set_autoattach(false)
    assert(one:attach())
    rename()
    assert.same({1, 2}, kinds(one))
    one:close()
  end))

  it("leaves alone what was attached before, when one fails", needs(TRACEFS, function()
    local one = events.load("attach_section", nil, {"missing"})
    assert(one.progs.named:attach())
    assert.is_nil((one:attach()))
    rename()
    assert.same({1}, kinds(one))
    one:close()
  end))
end)

describe("a link", function()
  local object, link

  before_each(needs(TRACEFS, function()
    object = events.load("attach_section")
    link = assert(object.progs.named:attach())
  end))

  after_each(function()
    object:close()
  end)

  it("keeps its program attached though the script forgets it", needs(TRACEFS, function()
    link = nil
    object.links.named = nil
    collectgarbage()
    collectgarbage()
    rename()
    assert.same({1}, kinds(object))
  end))

  it("ends with its object", needs(TRACEFS, function()
    local before = fds.count()
    object:close()
    assert.is_true(fds.count() < before)
    assert.error_matches(function() link:fd() end, "object '.*' is closed$")
    assert.is_true(link:destroy())
    assert.equal("lbpf.link: named (destroyed)", tostring(link))
  end))

  it("is destroyed once", needs(TRACEFS, function()
    local before = fds.count()
    assert.is_true(link:destroy())
    local after = fds.count()
    assert.is_true(after < before)
    assert.is_true(link:destroy())
    assert.equal(after, fds.count())
    assert.equal("lbpf.link: named (destroyed)", tostring(link))
    for _, method in ipairs({"fd", "detach", "pin", "unpin", "pin_path"}) do
      assert.error_matches(function() link[method](link, "x") end,
        "the link of program 'named' was destroyed$")
    end
    rename()
    assert.same({}, kinds(object))
  end))

  it("has a descriptor, and can be taken off its event if the kernel lets it", needs(LINKS,
    function()
      assert.matches("bpf", fds.list()[link:fd()])
      assert.is_nil(link:pin_path())
      local done, message, errno = link:detach() -- perf links cannot
      assert.is_nil(done)
      assert.matches("^detach: link of 'named': Operation not supported %(EOPNOTSUPP%)", message)
      assert.equal(95, errno)
      rename()
      assert.same({1}, kinds(object))
    end))

  it("keeps its program attached in a BPF file system", needs(LINKS, function()
    local path = os.tmpname():gsub("^/tmp", "/sys/fs/bpf")
    assert.equal(link, link:pin(path))
    assert.equal(path, link:pin_path())
    assert.is_true(link:destroy())
    rename()
    assert.same({1}, kinds(object))
    assert(os.remove(path))
    child.wait_until(function() -- the kernel removes it a moment later
      rename()
      return #kinds(object) == 0
    end)
  end))

  it("can be unpinned", needs(LINKS, function()
    local path = os.tmpname():gsub("^/tmp", "/sys/fs/bpf")
    assert.equal(link, link:pin(path))
    assert.equal(link, link:unpin())
    assert.is_nil((io.open(path)))
    assert.is_true(link:destroy())
    rename()
    assert.same({}, kinds(object))
  end))

  it("says why it cannot be pinned", needs(TRACEFS, function()
    local pinned, message, errno, log = link:pin("/no/such/place")
    assert.is_nil(pinned)
    assert.matches("^pin '/no/such/place': No such file or directory %(ENOENT%)\n", message)
    assert.equal(2, errno)
    assert.matches("/no/such", log, 1, true)
    assert.is_nil((link:pin("/tmp/no-bpf-file-system")))
    assert.is_nil((io.open("/tmp/no-bpf-file-system")))
  end))
end)
