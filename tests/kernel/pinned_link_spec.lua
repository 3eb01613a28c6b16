-- Links and maps that are pinned outlive their process, and are opened by another.
local child = require "child"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local network = require "network"

local dir = "/sys/fs/bpf/lbpf-" .. child.pid()
local path = dir .. "/link"

-- What another Lua prints that runs the script and ends.
local function elsewhere(script)
  local other = child.lua('local lbpf = require "lbpf"\n' .. script)
  local text = other.answers:read("*a")
  other.answers:close()
  return text
end

-- Is the program detached, or about to be? The kernel lets go of a removed file a little later.
local function goes()
  for _ = 1, 100000 do
    if not lbpf.xdp_query_id("near") then
      return network.arrives()
    end
  end
  return false
end

local function message_of(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return message
end

describe("a pinned link", function()
  lazy_setup(function()
    network.up()
    assert(child.succeeds("mkdir " .. dir))
  end)

  lazy_teardown(function()
    network.down()
    assert(child.succeeds("rm -r " .. dir))
  end)

  before_each(function()
    assert.equal("pinned\n", elsewhere(([[
      local object = assert(lbpf.open("build/bpf/net.bpf.o"))
      assert(object:load())
      assert(assert(object.progs.xdp_drops:attach_xdp("near")):pin(%q))
      object:close()
      print "pinned"
    ]]):format(path)))
  end)

  after_each(function()
    os.remove(path)
    collectgarbage()
    assert.is_true(goes())
  end)

  it("outlives its process, until its file is removed", needs({"root", "bpffs"}, function()
    assert.is_false(network.arrives())
    assert(os.remove(path))
    assert.is_true(goes())
  end))

  it("is opened by its path", needs({"root", "bpffs"}, function()
    local before = fds.count()
    local link = assert(lbpf.link_open(path))
    assert.equal(path, link:pin_path())
    assert.equal("lbpf.link: " .. path, tostring(link))
    assert.equal(lbpf.xdp_query_id("near"), link:info().prog_id)
    assert.is_true(link:destroy())
    assert.is_true(link:destroy())
    assert.equal("lbpf.link: " .. path .. " (destroyed)", tostring(link))
    assert.equal("the link '" .. path .. "' was destroyed", message_of(link.fd, link))
    assert.equal(before, fds.count())
    assert.is_false(network.arrives())
  end))

  it("closes its descriptor when it is dropped", needs({"root", "bpffs"}, function()
    local before = fds.count()
    for _ = 1, 10 do
      assert(lbpf.link_open(path))
    end
    assert.equal(before, fds.count())
    assert.is_false(network.arrives())
  end))

  it("ends with the last that holds it", needs({"root", "bpffs"}, function()
    local link = assert(lbpf.link_open(path))
    assert.equal(link, link:unpin())
    assert.is_nil(io.open(path))
    assert.is_nil(link:pin_path())
    assert.is_false(network.arrives())
    link = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.is_true(goes())
  end))

  it("is updated, and its new program outlives us in turn", needs({"root", "bpffs"}, function()
    local object = assert(lbpf.open("build/bpf/net.bpf.o"))
    local link = assert(lbpf.link_open(path))
    assert.error_matches(function()
      link:update_program(object.progs.xdp_passes)
    end, "program 'xdp_passes' is not loaded")
    assert(object:load())
    assert.equal(link, link:update_program(object.progs.xdp_passes))
    object:close()
    link:destroy()
    assert.is_true(network.arrives())
    assert.is_truthy(lbpf.xdp_query_id("near"))
  end))

  it("is detached by any process that opens it", needs({"root", "bpffs"}, function()
    local link = assert(lbpf.link_open(path))
    assert.equal(link, link:detach())
    assert.is_true(network.arrives())
    assert.is_nil((lbpf.xdp_query_id("near")))
    link:destroy()
  end))

  it("says that a path is not a link", needs({"root", "bpffs"}, function()
    local before = fds.count()
    local link, message, errno, log = lbpf.link_open(dir .. "/none")
    assert.is_nil(link)
    assert.equal("link_open '" .. dir .. "/none': No such file or directory (ENOENT)",
      message:match("^[^\n]*"))
    assert.equal(2, errno)
    assert.matches("failed to open link", log)
    local object = assert(lbpf.open("build/bpf/sockmap.bpf.o", {pin_root_path = dir}))
    assert(object:load())
    link, message, errno = lbpf.link_open(dir .. "/sockets")
    assert.is_nil(link)
    assert.matches("Invalid argument %(EINVAL%)", message)
    assert.equal(22, errno)
    object:close()
    assert.equal(before, fds.count())
  end))

  it("cannot be returned by a handler", needs({"root", "bpffs"}, function()
    local link = assert(lbpf.link_open(path))
    local id = assert(lbpf.register_prog_handler("abc+", "xdp", nil, {
      prog_attach_fn = function()
        return link
      end,
    }))
    local object = assert(lbpf.open("build/bpf/handlers.bpf.o"))
    for prog in object:each_program() do
      prog:set_autoload(prog:name() == "abc1")
    end
    assert(object:load())
    assert.equal("prog_attach_fn returned a link of file '" .. path .. "'",
      message_of(object.progs.abc1.attach, object.progs.abc1))
    object:close()
    lbpf.unregister_prog_handler(id)
    assert.is_false(network.arrives())
  end))
end)

describe("a pinned map", function()
  it("outlives its process, and is used again", needs({"root", "bpffs"}, function()
    assert(child.succeeds("mkdir " .. dir))
    local script = ([[
      local object = assert(lbpf.open("build/bpf/pinned.bpf.o", {pin_root_path = %q}))
      assert(object:load())
      local value = object.maps.kept:lookup(0)
      print(value)
      assert(object.maps.kept:update(0, value + 1))
    ]]):format(dir)
    assert.equal("0\n", elsewhere(script))
    assert.equal("1\n", elsewhere(script))
    local object = assert(lbpf.open("build/bpf/pinned.bpf.o", {pin_root_path = dir}))
    assert(object:load())
    assert.equal(2, object.maps.kept:lookup(0))
    object:close()
    assert(child.succeeds("rm -r " .. dir))
    assert.equal("0\n", elsewhere(script))
    assert(child.succeeds("rm -r " .. dir))
  end))
end)
