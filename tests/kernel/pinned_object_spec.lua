-- Objects that are pinned, and taken over by the next that is loaded.
local bytes = require "bytes"
local child = require "child"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local network = require "network"
local pinned = require "lbpf.pinned"

local dir = "/sys/fs/bpf/lbpf-" .. child.pid()
local PEER = 0x02004d0a -- 10.77.0.2, the first byte lowest
local objects = {}

-- Loads a version; what is attached says so in the map `seen`.
local function load(file, version, opts)
  opts = opts or {}
  opts.pin = opts.pin or dir
  opts.attach = opts.attach
    or {{file == "takeover_next" and "guard_packets" or "guard", "attach_xdp", "near"}}
  opts.setup = opts.setup or function(object)
    object.vars.version = version
  end
  local object, message, errno = pinned.load(("build/bpf/%s.bpf.o"):format(file), opts)
  objects[#objects + 1] = object
  return object, message, errno
end

-- As the process would, if it ended.
local function forget()
  for _, object in ipairs(objects) do
    object:close()
  end
  objects = {}
end

local function seen(version)
  local map = assert(lbpf.obj_get(dir .. "/guard_seen"))
  local n = bytes.number(lbpf.map_lookup(map, bytes.u32(version)))
  map:close()
  return n
end

local function names()
  local list = assert(lbpf.pins(dir))
  table.sort(list)
  return table.concat(list, " ")
end

-- The version that gets the packets now, alone.
local function runs(version)
  local before = {}
  for v = 0, 3 do
    before[v] = seen(v)
  end
  network.arrives()
  for v = 0, 3 do
    assert.equal(v == version, seen(v) > before[v])
  end
end

describe("an object that is pinned", function()
  lazy_setup(network.up)
  lazy_teardown(network.down)

  after_each(function()
    forget()
    fds.settle() -- of links that a failed test opened
    assert.is_true(pinned.remove(dir))
    child.wait_until(function() return not lbpf.xdp_query_id("near") end)
  end)

  it("stays when its process forgets it", needs({"root", "bpffs"}, function()
    local before = fds.count("bpf")
    local object = assert(load("takeover", 1))
    assert.equal("guard_blocked guard_outdated guard_seen lbpf-record link-guard-attach_xdp-near "
      .. "link-guard_trace-raw_tp_sys_enter",
      names())
    assert(lbpf.map_update(object.maps.guard_blocked, PEER, 1))
    forget()
    assert.equal(before, fds.count("bpf"))
    assert.is_false(network.arrives())
    runs(1)
  end))

  it("leaves no descriptor of a program or link", needs({"root", "bpffs"}, function()
    local object = assert(load("takeover", 1))
    assert.equal(0, fds.count("bpf-prog"))
    assert.equal(0, fds.count("bpf_link"))
    assert.equal(0, fds.count("bpf-link"))
    assert.is_nil(object.links.guard)
    assert.error_matches(function()
      assert(lbpf.link_open(dir .. "/link-guard-attach_xdp-near")):update_program(
        object.progs.guard)
    end, "program 'guard' is not loaded: it was unloaded")
    assert.error_matches(function()
      lbpf.open("build/bpf/takeover.bpf.o"):close_program_fds()
    end, "object '.*' is not loaded")
  end))

  it("is taken over under its link", needs({"root", "bpffs"}, function()
    local first = assert(load("takeover", 1))
    assert(lbpf.map_update(first.maps.guard_blocked, PEER, 1))
    local link = assert(lbpf.link_open(dir .. "/link-guard-attach_xdp-near"))
    local id = link:info().id
    link:destroy()
    assert(load("takeover", 2))
    runs(2)
    link = assert(lbpf.link_open(dir .. "/link-guard-attach_xdp-near"))
    assert.equal(id, link:info().id)
    link:destroy()
    assert.equal("guard_blocked guard_outdated guard_seen lbpf-record link-guard-attach_xdp-near "
      .. "link-guard_trace-raw_tp_sys_enter",
      names())
    assert.is_false(network.arrives())
    -- the first one's end changes nothing
    first:close()
    runs(2)
  end))

  it("is taken over also when the program has another name", needs({"root", "bpffs"}, function()
    assert(load("takeover", 1))
    local id = lbpf.xdp_query_id("near")
    assert(load("takeover_next", 2))
    assert.are_not.equal(id, lbpf.xdp_query_id("near"))
    runs(2)
    -- what the next version has not is gone
    assert.equal("guard_blocked guard_seen lbpf-record link-guard_packets-attach_xdp-near", names())
  end))

  it("is put back if the next one fails", needs({"root", "bpffs"}, function()
    assert(load("takeover", 1))
    local before = fds.count("bpf")
    local all = names()
    local object, message, errno = load("takeover_next", 2,
      {attach = {{"guard_packets", "attach_xdp", "near"}, {"guard_packets", "attach_xdp", "none"}}})
    assert.is_nil(object)
    assert.matches("interface 'none': No such device", message)
    assert.equal(19, errno)
    assert.equal(all, names())
    runs(1)
    object, message = load("takeover_other", 2, {setup = function() end})
    assert.is_nil(object)
    assert.matches("guard_blocked", message)
    assert.equal(all, names())
    runs(1)
    assert.has_error(function()
      load("takeover", 2, {setup = function() error("of the setup", 0) end})
    end, "of the setup")
    runs(1)
    assert.equal(before, fds.count("bpf"))
  end))

  it("leaves nothing if it is the first and fails", needs({"root", "bpffs"}, function()
    assert.is_nil((load("takeover", 1, {attach = {{"guard", "attach_xdp", "none"}}})))
    assert.same({nil, "pins '" .. dir .. "': No such file or directory (ENOENT)", 2},
      {lbpf.pins(dir)})
  end))

  it("has no file whose name is too long", needs({"root", "bpffs"}, function()
    for _, length in ipairs {251, 252, 300} do -- with 251 it is the attachment that fails
      local target = ("x"):rep(length - #"link-guard_trace-attach_raw_tracepoint-")
      local object, message, number = load("takeover", 1,
        {attach = {{"guard_trace", "attach_raw_tracepoint", target}}})
      assert.is_nil(object)
      assert.matches(target, message)
      assert.equal(length > 251, number == 36) -- ENAMETOOLONG
      assert.is_nil((lbpf.pins(dir)))
    end
  end))

  it("keeps only the maps that it is told to", needs({"root", "bpffs"}, function()
    local object = assert(load("takeover", 1, {keep = {"guard_seen"}}))
    assert(lbpf.map_update(object.maps.guard_blocked, PEER, 1))
    assert.equal("guard_seen lbpf-record link-guard-attach_xdp-near "
      .. "link-guard_trace-raw_tp_sys_enter", names())
    assert.is_false(network.arrives())
    assert(load("takeover", 2, {keep = {"guard_seen"}}))
    assert.is_true(network.arrives())
    assert.is_true(seen(1) > 0)
  end))

  it("names an unknown option", needs({"root", "bpffs"}, function()
    assert.error_matches(function()
      pinned.load("build/bpf/takeover.bpf.o", {pins = dir})
    end, "unknown option 'pins'; expected one of: attach, keep, open, pin, setup")
    assert.error_matches(function()
      pinned.load("build/bpf/takeover.bpf.o", {attach = "near"})
    end, "option 'attach' must be a table, not string")
    assert.error_matches(function()
      load("takeover", 1, {attach = {{"gard", "attach_xdp", "near"}}})
    end, "gard")
  end))

  it("is gone when its directory is removed", needs({"root", "bpffs"}, function()
    assert(load("takeover", 1))
    forget()
    assert.is_true(pinned.remove(dir))
    assert.is_true(pinned.remove(dir))
    assert.is_nil((lbpf.pins(dir)))
    child.wait_until(function() return not lbpf.xdp_query_id("near") end)
  end))
end)
