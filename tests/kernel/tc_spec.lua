-- TC programs on a network interface: classic hooks by netlink, and tcx links.
local lbpf = require "lbpf"
local needs = require "needs"
local network = require "network"

describe("TC", function()
  local object

  lazy_setup(network.up)
  lazy_teardown(network.down)

  before_each(function()
    object = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(object:load())
  end)

  after_each(function()
    object:close()
    lbpf.tc_hook_destroy({ifindex = "near", attach_point = lbpf.TC_INGRESS + lbpf.TC_EGRESS})
  end)

  local ingress = {ifindex = "near", attach_point = "ingress"}
  local both = {ifindex = "near", attach_point = lbpf.TC_INGRESS + lbpf.TC_EGRESS}

  describe("hook", function()
    it("is created once", needs("root", function()
      assert.is_true(lbpf.tc_hook_create(ingress))
      local created, message, errno = lbpf.tc_hook_create(ingress)
      assert.is_nil(created)
      assert.matches("^tc_hook_create: interface %d+ 'near': File exists %(EEXIST%)", message)
      assert.equal(17, errno)
      assert.is_true(lbpf.tc_hook_destroy(both))
      assert.is_true(lbpf.tc_hook_create(both))
    end))

    it("drops and passes as its program says", needs("root", function()
      assert(lbpf.tc_hook_create(ingress))
      local attached = assert(lbpf.tc_attach(ingress, {prog_fd = object.progs.tc_drops}))
      assert.is_false(network.arrives())
      assert.equal(1, attached.handle)
      assert.is_true(attached.priority > 0)
      assert.same(attached, lbpf.tc_query(ingress, attached))
      assert.is_true(lbpf.tc_detach(ingress, attached))
      assert.is_true(network.arrives())
    end))

    it("has programs by handle and priority", needs("root", function()
      assert(lbpf.tc_hook_create(ingress))
      local attached = assert(lbpf.tc_attach(ingress,
        {prog_fd = object.progs.tc_passes:fd(), handle = 7, priority = 20}))
      assert.equal(7, attached.handle)
      assert.equal(20, attached.priority)
      assert.is_true(network.arrives())

      local again = {prog_fd = object.progs.tc_drops, handle = 7, priority = 20}
      assert.is_nil(lbpf.tc_attach(ingress, again))
      again.flags = lbpf.TC_F_REPLACE
      local replaced = assert(lbpf.tc_attach(ingress, again))
      assert.is_false(network.arrives())
      assert.not_equal(attached.prog_id, replaced.prog_id)
      assert.equal(replaced.prog_id, lbpf.tc_query(ingress, {handle = 7, priority = 20}).prog_id)
      assert.equal("nil", tostring(lbpf.tc_query(ingress, {handle = 8, priority = 20})))
    end))

    it("loses its programs when it is destroyed", needs("root", function()
      assert(lbpf.tc_hook_create(both))
      assert(lbpf.tc_attach(ingress, {prog_fd = object.progs.tc_drops}))
      assert.is_true(lbpf.tc_hook_destroy(ingress))
      assert.is_true(network.arrives())
    end))

    it("may be below any parent", needs("root", function()
      assert(lbpf.tc_hook_create(both))
      -- TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
      local custom = {ifindex = "near", attach_point = "custom", parent = 0xFFFFFFF2}
      assert(lbpf.tc_attach(custom, {prog_fd = object.progs.tc_drops}))
      assert.is_false(network.arrives())
      local created, message, errno = lbpf.tc_hook_create(custom)
      assert.is_nil(created)
      assert.matches("EOPNOTSUPP", message)
      assert.equal(95, errno)
    end))

    it("may be another qdisc", needs({"root", "libbpf 1.6"}, function()
      local root = {ifindex = "near", attach_point = "qdisc", qdisc = "pfifo",
        handle = 0x10000, parent = 0xFFFFFFFF}
      assert.is_true(lbpf.tc_hook_create(root))
      assert.matches("qdisc pfifo", network.ip("link show near"))
      assert.is_true(lbpf.tc_hook_destroy(root))
    end))

    it("says what is wrong with it", needs("root", function()
      local function refused(message, hook, opts)
        assert.error_matches(function()
          lbpf.tc_attach(hook, opts or {prog_fd = object.progs.tc_drops})
        end, message)
      end
      refused("field 'ifindex' is missing", {attach_point = "ingress"})
      refused("field 'attach_point' must be", {ifindex = 1})
      refused("field 'attach_point' must be", {ifindex = 1, attach_point = "inside"})
      refused("field 'qdisc'", {ifindex = 1, attach_point = "qdisc"})
      refused("unknown option 'prog'; expected one of: prog_fd, flags, handle, priority", ingress,
        {prog = 1})
      refused("option 'prog_fd': expected a file descriptor", ingress, {prog_fd = "tc_drops"})
      local done, message, errno = lbpf.tc_hook_create({ifindex = "none", attach_point = "egress"})
      assert.is_nil(done)
      assert.equal("tc_hook_create: interface 'none': No such device (ENODEV)", message)
      assert.equal(19, errno)
    end))
  end)

  describe("link", function()
    it("needs a newer libbpf", needs({"root", "no libbpf 1.3"}, function()
      local link, message, errno = object.progs.tc_drops:attach_tcx("near")
      assert.is_nil(link)
      assert.equal("attach_tcx needs libbpf 1.3, this is " .. lbpf.version_string(), message)
      assert.equal(95, errno)
      assert.is_nil((object.progs.tc_drops:attach_netkit("near")))
    end))

    local TCX = {"root", "libbpf 1.3", "tcx"}

    before_each(function()
      object:close()
      object = assert(lbpf.open("build/bpf/net.bpf.o"))
      if lbpf.has("tcx") then
        object.progs.tc_drops:set_expected_attach_type("tcx_ingress")
        object.progs.tc_passes:set_expected_attach_type("tcx_ingress")
      end
      assert(object:load())
    end)

    it("drops as long as it lives", needs(TCX, function()
      local link = assert(object.progs.tc_drops:attach_tcx("near"))
      assert.equal("tcx", link:info().type)
      assert.is_false(network.arrives())
      assert.is_true(link:destroy())
      assert.is_true(network.arrives())
    end))

    it("has its place in a row", needs(TCX, function()
      -- the first verdict counts, and none of these says "next"
      local first = assert(object.progs.tc_passes:attach_tcx("near"))
      local second = assert(object.progs.tc_drops:attach_tcx("near"))
      assert.is_true(network.arrives())
      second:destroy()
      second = assert(object.progs.tc_drops:attach_tcx("near",
        {flags = lbpf.F_BEFORE + lbpf.F_LINK, relative_fd = first, expected_revision = 4}))
      assert.is_false(network.arrives())
      second:destroy()
      second = assert(object.progs.tc_drops:attach_tcx("near",
        {flags = lbpf.F_BEFORE + lbpf.F_LINK + lbpf.F_ID, relative_id = first:info().id}))
      assert.is_false(network.arrives())

      local link, _, errno = object.progs.tc_passes:attach_tcx("near", {expected_revision = 99})
      assert.is_nil(link)
      assert.equal(116, errno) -- ESTALE
      assert.is_true(second:destroy())
    end))

    it("may be a program alone", needs(TCX, function()
      assert.is_true(lbpf.prog_attach(object.progs.tc_drops, "near", "tcx_ingress"))
      assert.is_false(network.arrives())
      assert.is_true(lbpf.prog_attach(object.progs.tc_passes, "near", "tcx_ingress",
        {flags = lbpf.F_BEFORE, relative_fd = object.progs.tc_drops}))
      assert.is_true(network.arrives())
      assert.is_true(lbpf.prog_detach2(object.progs.tc_passes, "near", "tcx_ingress",
        {expected_revision = 3}))
      assert.is_false(network.arrives())
      assert.is_true(lbpf.prog_detach2(object.progs.tc_drops, "near", "tcx_ingress"))
      assert.is_true(network.arrives())
    end))
  end)

  it("is attached to a netkit device", needs({"root", "libbpf 1.3", "netkit"}, function()
    object:close()
    object = assert(lbpf.open("build/bpf/net.bpf.o"))
    object.progs.tc_drops:set_expected_attach_type("netkit_primary")
    object.progs.tc_passes:set_expected_attach_type("netkit_peer")
    assert(object:load())
    network.ip("link add netkit0 type netkit")
    local link = assert(object.progs.tc_drops:attach_netkit("netkit0"))
    assert.equal("netkit", link:info().type)
    assert(object.progs.tc_passes:attach_netkit("netkit0", {expected_revision = 1}))
    link:destroy()
    network.ip("link delete netkit0")
  end))
end)
