-- XDP programs on a network interface: by link, by netlink, replaced and asked for.
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local network = require "network"

describe("XDP", function()
  local object

  lazy_setup(network.up)
  lazy_teardown(network.down)

  before_each(function()
    object = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(object:load())
  end)

  after_each(function()
    lbpf.xdp_detach("near")
    object:close()
  end)

  it("drops and passes as the program says", needs("root", function()
    assert.is_true(network.arrives())
    local link = assert(object.progs.xdp_drops:attach_xdp("near"))
    assert.is_false(network.arrives())
    assert.is_true(link:destroy())
    assert.is_true(network.arrives())
  end))

  it("is attached by index too, and says what it is", needs("root", function()
    local ifindex = tonumber(network.ip("link show near"):match("^%d+"))
    local link = assert(object.progs.xdp_drops:attach_xdp(ifindex))
    local info = assert(link:info())
    assert.equal("xdp", info.type)
    assert.equal(lbpf.xdp_query_id(ifindex), info.prog_id)
    assert.is_true(info.id > 0)
  end))

  it("is replaced under a live link", needs("root", function()
    local link = assert(object.progs.xdp_drops:attach_xdp("near"))
    assert.is_false(network.arrives())
    assert.equal(link, link:update_program(object.progs.xdp_passes))
    assert.is_true(network.arrives())
    local updated, message, errno = link:update_program(object.progs.tc_drops)
    assert.is_nil(updated)
    assert.equal("update_program: link of 'xdp_drops': Invalid argument (EINVAL)", message)
    assert.equal(22, errno)
    assert.has_error(function()
      link:update_program(object.maps)
    end)
  end))

  it("goes on without the link once that was disconnected", needs("root", function()
    local link = assert(object.progs.xdp_drops:attach_xdp("near"))
    local fd = link:fd()
    assert.equal(link, link:disconnect())
    assert.is_true(link:destroy())
    object:close()
    assert.is_false(network.arrives())
    assert.matches("bpf_link", fds.list()[fd])
    -- only with the interface, or the process, does it end
    network.down()
    network.up()
    assert.is_true(network.arrives())
  end))

  describe("without a link", function()
    it("stays when the object is closed", needs("root", function()
      assert.is_true(lbpf.xdp_attach("near", object.progs.xdp_drops))
      assert.is_false(network.arrives())
      object:close()
      assert.is_false(network.arrives())
      assert.is_true(lbpf.xdp_detach("near"))
      assert.is_true(network.arrives())
      assert.is_true(lbpf.xdp_detach("near"))
    end))

    it("takes flags", needs("root", function()
      assert.is_true(lbpf.xdp_attach("near", object.progs.xdp_drops, lbpf.XDP_FLAGS_SKB_MODE))
      assert.is_false(network.arrives())
      local info = assert(lbpf.xdp_query("near"))
      assert.equal(lbpf.XDP_ATTACHED_SKB, info.attach_mode)
      assert.equal(info.prog_id, info.skb_prog_id)
      assert.equal(0, info.drv_prog_id)
      assert.equal(info.prog_id, lbpf.xdp_query_id("near", lbpf.XDP_FLAGS_SKB_MODE))
      assert.equal("nil", tostring(lbpf.xdp_query_id("near", lbpf.XDP_FLAGS_DRV_MODE)))

      local attached, message, errno, log = lbpf.xdp_attach("near", object.progs.xdp_passes:fd(),
        lbpf.XDP_FLAGS_SKB_MODE + lbpf.XDP_FLAGS_UPDATE_IF_NOEXIST)
      assert.is_nil(attached)
      assert.matches("^xdp_attach: interface %d+ 'near': Device or resource busy %(EBUSY%)",
        message)
      assert.equal(16, errno)
      assert.matches("XDP program already attached", log)
      assert.is_true(lbpf.xdp_detach("near", lbpf.XDP_FLAGS_SKB_MODE))
      assert.equal("nil", tostring(lbpf.xdp_query_id("near")))
    end))

    it("replaces the old program and no other", needs("root", function()
      assert.is_true(lbpf.xdp_attach("near", object.progs.xdp_drops))
      local attached, _, errno = lbpf.xdp_attach("near", object.progs.xdp_passes, nil,
        {old_prog_fd = object.progs.xdp_passes})
      assert.is_nil(attached)
      assert.equal(17, errno)
      assert.is_true(lbpf.xdp_attach("near", object.progs.xdp_passes, 0,
        {old_prog_fd = object.progs.xdp_drops}))
      assert.is_true(network.arrives())
      assert.is_nil(lbpf.xdp_detach("near", 0, {old_prog_fd = object.progs.xdp_drops:fd()}))
      assert.is_true(lbpf.xdp_detach("near", 0, {old_prog_fd = object.progs.xdp_passes:fd()}))
    end))

    it("tells the interface's features", needs({"root", "libbpf 1.3", "XDP features"}, function()
      local info = assert(lbpf.xdp_query("near"))
      -- of veth: basic, redirect, and more
      assert.is_true(tonumber(info.feature_flags) % 4 == 3)
      assert.equal("number", type(info.xdp_zc_max_segs))
    end))
  end)

  it("says that there is no such interface", needs("root", function()
    local xdp = object.progs.xdp_drops
    for name, call in pairs({
      attach_xdp = function() return xdp:attach_xdp("none") end,
      xdp_attach = function() return lbpf.xdp_attach("none", xdp) end,
      xdp_detach = function() return lbpf.xdp_detach("none") end,
      xdp_query = function() return lbpf.xdp_query("none") end,
      xdp_query_id = function() return lbpf.xdp_query_id("none") end,
    }) do
      local result, message, errno = call()
      assert.is_nil(result)
      assert.equal(name .. ": interface 'none': No such device (ENODEV)", message)
      assert.equal(19, errno)
    end
    for _, wrong in ipairs({0, -1, 2 ^ 31, 1.5}) do
      assert.error_matches(function()
        xdp:attach_xdp(wrong)
      end, "expected a network interface: its index or its name")
    end
    assert.error_matches(function()
      lbpf.xdp_attach("near", true)
    end, "#2.*expected a file descriptor, or an object that has one")
    assert.error_matches(function()
      lbpf.xdp_attach("near", xdp, 0, {old_prog = 3})
    end, "unknown option 'old_prog'; expected one of: old_prog_fd")
  end))
end)
