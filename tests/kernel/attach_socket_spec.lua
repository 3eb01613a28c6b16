-- Programs that choose sockets: sk_lookup on a network namespace, sk_msg on a map of sockets.
local child = require "child"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local network = require "network"

describe("a network namespace", function()
  lazy_setup(network.up)
  lazy_teardown(network.down)

  it("drops what no socket shall have", needs("root", function()
    local object = assert(lbpf.open("build/bpf/net.bpf.o"))
    local before = fds.count()
    assert(object:load())
    local link = assert(object.progs.lookup_drops:attach_netns("/proc/self/ns/net"))
    assert.equal("netns", link:info().type)
    assert.is_false(network.arrives())
    object:close()
    assert.equal(before, fds.count())
    assert.is_true(network.arrives())
  end))

  it("is left by others alone", needs("root", function()
    local object = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(object:load())
    assert(object.progs.lookup_drops:attach_netns("/run/netns/peer"))
    assert.is_true(network.arrives())
    local link, message, errno = object.progs.lookup_drops:attach_netns("/run/netns/none")
    assert.is_nil(link)
    assert.equal("attach_netns: program 'lookup_drops' to '/run/netns/none': "
      .. "No such file or directory (ENOENT)", message)
    assert.equal(2, errno)
    object:close()
  end))
end)

describe("a map of sockets", function()
  local object, dir

  local function received_by()
    return (child.output("build/helpers/redirect " .. dir .. "/sockets"))
  end

  before_each(function()
    dir = "/sys/fs/bpf/lbpf-" .. child.pid()
    object = assert(lbpf.open("build/bpf/sockmap.bpf.o", {pin_root_path = dir}))
    assert(object:load())
  end)

  after_each(function()
    object:close()
    assert(child.succeeds("rm -r " .. dir))
  end)

  it("hands over what its sockets send", needs({"root", "bpffs"}, function()
    assert.equal("peer\n", received_by())
    assert.is_true(lbpf.prog_attach(object.progs.redirects, object.maps.sockets, "sk_msg_verdict"))
    assert.equal("other\n", received_by())
    assert.is_true(lbpf.prog_detach2(object.progs.redirects, object.maps.sockets:fd(),
      "sk_msg_verdict"))
    assert.equal("peer\n", received_by())
  end))

  it("is attached to by link", needs({"root", "bpffs", "libbpf 1.5", "sockmap links"}, function()
    local link = assert(object.progs.redirects:attach_sockmap(object.maps.sockets))
    assert.equal("sockmap", link:info().type)
    assert.equal("other\n", received_by())
    link:destroy()
    assert.equal("peer\n", received_by())
  end))

  it("needs a newer libbpf for that", needs({"root", "bpffs", "no libbpf 1.5"}, function()
    local link, message, errno = object.progs.redirects:attach_sockmap(object.maps.sockets)
    assert.is_nil(link)
    assert.matches("^attach_sockmap needs libbpf 1.5, this is v1", message)
    assert.equal(95, errno)
  end))
end)
