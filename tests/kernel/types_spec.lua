-- Types by section and by number, and what the kernel supports.
local lbpf = require "lbpf"
local needs = require "needs"

describe("types", function()
  it("by section", function()
    local prog_type, attach_type = lbpf.prog_type_by_name("kprobe.multi/do_*")
    assert.equal("kprobe", prog_type)
    assert.equal("trace_kprobe_multi", attach_type)
    assert.equal("cgroup_inet4_connect", lbpf.attach_type_by_name("cgroup/connect4"))
    assert.is_nil(lbpf.attach_type_by_name("kprobe/x"))
    assert.is_nil((lbpf.prog_type_by_name("nobody's")))
    assert.is_nil(lbpf.attach_type_by_name("nobody's"))
  end)

  it("by section of the script's own handlers", function()
    local own = lbpf.register_prog_handler("kprobe.multi/", "xdp", "xdp_cpumap")
    local any = lbpf.register_prog_handler(nil, "tracepoint")
    local prog_type, attach_type = lbpf.prog_type_by_name("kprobe.multi/do_*")
    assert.equal("xdp", prog_type)
    assert.equal("xdp_cpumap", attach_type)
    -- the generic handler comes after libbpf's
    assert.equal("tracepoint", (lbpf.prog_type_by_name("nobody's")))
    assert.equal("cgroup_sock_addr", (lbpf.prog_type_by_name("cgroup/connect4")))
    assert.equal("cgroup_inet4_connect", lbpf.attach_type_by_name("cgroup/connect4"))
    assert.is_nil(lbpf.attach_type_by_name("nobody's"))
    lbpf.unregister_prog_handler(own)
    lbpf.unregister_prog_handler(any)
    assert.equal("kprobe", (lbpf.prog_type_by_name("kprobe.multi/do_*")))
    assert.is_nil((lbpf.prog_type_by_name("nobody's")))
  end)

  it("by number", function()
    assert.equal("kprobe", lbpf.bpf_prog_type_str(2))
    assert.equal("ringbuf", lbpf.bpf_map_type_str(27))
    assert.equal("perf_event", lbpf.bpf_link_type_str(7))
    assert.equal("cgroup_sock_ops", lbpf.bpf_attach_type_str(3))
    for _, name in ipairs({"prog", "map", "link", "attach"}) do
      assert.is_nil(lbpf["bpf_" .. name .. "_type_str"](2 ^ 31 - 1))
      assert.error_matches(function() lbpf["bpf_" .. name .. "_type_str"](-1) end, "is not in 0 to")
    end
  end)
end)

describe("error numbers", function()
  it("have texts, libbpf's own too", function()
    assert.equal("No such file or directory", lbpf.strerror(2))
    assert.equal("BPF object format invalid", lbpf.strerror(4001))
    assert.error_matches(function() lbpf.strerror(0) end, "0 is not in 1 to")
  end)
end)

describe("the kernel is asked for", function()
  it("program types", needs("root", function()
    assert.is_true(lbpf.probe_bpf_prog_type("kprobe"))
    assert.is_true(lbpf.probe_bpf_prog_type(3))
    local ok, message, errno = lbpf.probe_bpf_prog_type(400)
    assert.is_nil(ok)
    assert.matches("^probe_bpf_prog_type: Operation not supported %(EOPNOTSUPP%)", message)
    assert.equal(95, errno)
    assert.error_matches(function() lbpf.probe_bpf_prog_type("hush") end, "no program type 'hush'")
  end))

  it("map types", needs("root", function()
    assert.is_true(lbpf.probe_bpf_map_type("ringbuf"))
    local ok, message = lbpf.probe_bpf_map_type(400)
    assert.is_nil(ok)
    assert.matches("^probe_bpf_map_type: Operation not supported", message)
  end))

  it("helpers", needs("root", function()
    assert.is_true(lbpf.probe_bpf_helper("xdp", "bpf_xdp_adjust_head"))
    assert.is_true(lbpf.probe_bpf_helper("xdp", "xdp_adjust_head"))
    assert.is_true(lbpf.probe_bpf_helper("xdp", 44))
    assert.is_false(lbpf.probe_bpf_helper("socket_filter", "xdp_adjust_head"))
    assert.is_false(lbpf.probe_bpf_helper("xdp", 9999))
    local ok, _, errno = lbpf.probe_bpf_helper("tracing", 1)
    assert.is_nil(ok)
    assert.equal(95, errno)
    assert.error_matches(function() lbpf.probe_bpf_helper("xdp", "nobody") end,
      "not the name of a helper that this build knows")
  end))

  it("locked memory, where libbpf lets one set it", function()
    if lbpf.has("set_memlock_rlim") then
      -- a load in another spec may have set it
      local ok, message, errno = lbpf.set_memlock_rlim(0)
      assert.is_true(ok or errno == 16)
      assert.is_true(ok or message:match("^set_memlock_rlim: Device or resource busy") ~= nil)
    else
      assert.matches("^set_memlock_rlim needs libbpf 1.4, this is v1",
        (select(2, lbpf.set_memlock_rlim(0))))
    end
  end)
end)
