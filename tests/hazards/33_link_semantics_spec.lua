-- Hazard 33: Whether a program stays attached depends on how its link was dropped, destroyed,
-- pinned or detached. Each case is tested.
local child = require "child"
local events = require "events"
local fds = require "fds"
local needs = require "needs"

local TRACEFS = {"root", "tracefs"}

local function rename()
  os.rename("no/such/file", "no/such/file either")
end

local function collect()
  collectgarbage()
  collectgarbage()
end

describe("a link", function()
  local object

  before_each(needs("root", function()
    object = events.load("attach_event")
  end))

  after_each(function()
    object:close()
  end)

  local function attach()
    return assert(object.progs.on_raw_tracepoint:attach_raw_tracepoint("sys_enter"))
  end

  local function attach_to(event)
    return assert(object.progs.on_tracepoint:attach_tracepoint("syscalls", event))
  end

  -- How often the program runs at one rename(). What was reported before does not count.
  local function runs()
    events.take(object)
    rename()
    return #events.take(object)
  end

  it("that is dropped stays attached as long as its object lives", needs(TRACEFS, function()
    attach_to("sys_enter_rename")
    attach_to("sys_exit_rename") -- takes the place in object.links of the first, which is dropped
    collect()
    assert.equal(2, runs())
    object.links.on_tracepoint:destroy()
    assert.is_nil(object.links.on_tracepoint)
    assert.equal(1, runs())
  end))

  it("that is dropped goes when its object is collected", needs("root", function()
    local before = fds.count()
    local other = events.load("attach_event")
    assert(other.progs.on_raw_tracepoint:attach_raw_tracepoint("sys_enter"))
    other = nil -- luacheck: ignore 311
    assert.equal(before, fds.count())
  end))

  it("that is destroyed while another is there leaves that one", needs(TRACEFS, function()
    local first, second = attach_to("sys_enter_rename"), attach_to("sys_exit_rename")
    assert.is_true(first:destroy())
    assert.equal(second, object.links.on_tracepoint)
    assert.equal(1, runs())
  end))

  it("that is pinned outlives destroy, and its object", needs({"root", "bpffs"}, function()
    local path = os.tmpname():gsub("^/tmp", "/sys/fs/bpf")
    local link = attach()
    assert.equal(link, link:pin(path))
    assert.is_true(link:destroy())
    link = nil -- luacheck: ignore 311
    collect()
    assert.equal(1, runs())
    assert(os.remove(path))
    child.wait_until(function() return runs() == 0 end) -- the kernel removes it a moment later
  end))

  it("that is detached is an empty link, which goes like any other", needs("root", function()
    local before = fds.count()
    local link = attach()
    local detached, _, errno = link:detach()
    if detached then
      assert.equal(0, runs())
    else
      assert.equal(95, errno) -- this kind cannot
      assert.equal(1, runs())
    end
    assert.is_true(link:destroy())
    assert.equal(0, runs())
    assert.equal(before, fds.count())
  end))
end)
