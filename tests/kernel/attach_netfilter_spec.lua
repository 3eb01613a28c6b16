-- Programs on a netfilter hook.
local lbpf = require "lbpf"
local needs = require "needs"
local network = require "network"

describe("attach_netfilter", function()
  local NEEDS = {"root", "btf", "libbpf 1.3", "netfilter"}
  local INPUT = {pf = 2, hooknum = 1, priority = -128}

  lazy_setup(network.up)
  lazy_teardown(network.down)

  it("drops as long as its link lives", needs(NEEDS, function()
    local object = assert(lbpf.open("build/bpf/netfilter.bpf.o"))
    assert(object:load())
    local link = assert(object.progs.nf_drops:attach_netfilter(INPUT))
    assert.equal("netfilter", link:info().type)
    assert.is_false(network.arrives())

    local again, message, errno = object.progs.nf_drops:attach_netfilter(INPUT)
    assert.is_nil(again)
    assert.matches("^attach_netfilter: program 'nf_drops': ", message)
    assert.equal(16, errno) -- EBUSY: the priority is taken
    assert.is_true(link:destroy())
    assert.is_true(network.arrives())

    assert(object.progs.nf_drops:attach_netfilter({pf = 2, hooknum = 0, priority = 5, flags = 1}))
    assert.is_false(network.arrives())
    object:close()
    assert.is_true(network.arrives())
  end))

  it("needs a newer libbpf, and options", needs("root", function()
    local object = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(object:load())
    local prog = object.progs.xdp_drops
    if lbpf.has("netfilter") then
      assert.error_matches(function()
        prog:attach_netfilter()
      end, "table expected")
    else
      local link, message, errno = prog:attach_netfilter(INPUT)
      assert.is_nil(link)
      assert.matches("^attach_netfilter needs libbpf 1.3, this is v1", message)
      assert.equal(95, errno)
    end
    object:close()
  end))
end)
