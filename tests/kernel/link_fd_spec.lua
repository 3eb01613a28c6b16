-- Links by descriptor, what the kernel tells about each type of them, and pinned objects.

local lbpf = require "lbpf"
local insns = require "insns"
local bytes = require "bytes"
local child = require "child"
local fds = require "fds"
local pins = require "pins"
local needs = require "needs"
local u32 = bytes.u32

local ENOENT, EPERM, EEXIST, EINVAL = 2, 1, 17, 22

local function load(kind, opts, returns)
  return assert(lbpf.prog_load(kind, nil, "GPL", insns.returns(returns or 0), opts))
end

local function id(prog)
  return lbpf.prog_get_info_by_fd(prog).id
end

-- One program of linkinfo.bpf.c, loaded.
local function one(name)
  local object = assert(lbpf.open("build/bpf/linkinfo.bpf.o"))
  for other, prog in pairs(object.progs) do
    prog:set_autoload(other == name)
  end
  assert(object:load())
  return object.progs[name], object
end

describe("raw_tracepoint_open", function()
  it("attaches until the descriptor is closed", needs("root", function()
    local prog = load("raw_tracepoint")
    local link = assert(lbpf.raw_tracepoint_open("sched_process_exit", prog))
    local info = lbpf.link_get_info_by_fd(link)
    assert.equal("raw_tracepoint", info.type)
    assert.equal(id(prog), info.prog_id)
    assert.equal("sched_process_exit", info.raw_tracepoint.tp_name)
    assert.equal(fds.info(link).link_id, tostring(info.id))
    local query = assert(lbpf.task_fd_query(nil, link))
    assert.same({id(prog), "raw_tracepoint", "sched_process_exit"},
      {query.prog_id, query.fd_type, query.buf})
    link:close()
    assert.equal(ENOENT, select(3, lbpf.link_get_fd_by_id(info.id)))
  end))

  it("says what there is not", needs("root", function()
    local link, message, errno = lbpf.raw_tracepoint_open("no_such", load("raw_tracepoint"))
    assert.is_nil(link)
    assert.matches("^raw_tracepoint_open 'no_such': No such file or directory %(ENOENT%)", message)
    assert.equal(ENOENT, errno)
    assert.is_nil((lbpf.task_fd_query(nil, 0)))
  end))
end)

describe("a link to a perf event", function()
  it("tells the event and the cookie", needs({"root", "link cookies"}, function()
    local SOFTWARE, CONTEXT_SWITCHES = 1, 3
    local event = assert(lbpf.perf_event_open(
      {type = SOFTWARE, config = CONTEXT_SWITCHES, sample_period = 1000000}, 0))
    local link = assert(lbpf.link_create(load("perf_event"), event, "perf_event",
      {perf_event = {bpf_cookie = 77}}))
    local info = lbpf.link_get_info_by_fd(link)
    assert.equal("perf_event", info.type)
    assert.equal("event", info.perf_event.type)
    assert.equal(SOFTWARE, info.perf_event.event.type)
    assert.equal("3", tostring(info.perf_event.event.config):match("%d+"))
    assert.equal("77", tostring(info.perf_event.event.cookie):match("%d+"))
  end))

  it("tells a kprobe's function", needs({"root", "kprobes", "link cookies"}, function()
    local prog, object = one("on_kprobe")
    local link = assert(prog:attach_kprobe("vfs_read"))
    local probe = lbpf.link_get_info_by_fd(link).perf_event
    assert.equal("kprobe", probe.type)
    assert.equal("vfs_read", probe.kprobe.func_name)
    assert.equal(0, probe.kprobe.offset)
    object:close()
  end))
end)

describe("a link to many functions", function()
  it("tells them, and their cookies", needs({"root", "kprobe_multi", "link cookies"}, function()
    local prog = load("kprobe", {expected_attach_type = "trace_kprobe_multi"})
    local link = assert(lbpf.link_create(prog, 0, "trace_kprobe_multi",
      {kprobe_multi = {syms = {"vfs_read", "vfs_write"}, cookies = {11, 12}}}))
    local info = lbpf.link_get_info_by_fd(link)
    assert.equal("kprobe_multi", info.type)
    assert.equal(2, info.kprobe_multi.count)
    assert.equal(2, #info.kprobe_multi.addrs)
    local cookies = {}
    for i = 1, 2 do
      cookies[i] = tostring(info.kprobe_multi.cookies[i]):match("%d+")
    end
    table.sort(cookies)
    assert.same({"11", "12"}, cookies)
  end))
end)

describe("a tracing link", function()
  it("tells its target", needs({"root", "trampolines", "tracing cookies"}, function()
    local prog, object = one("on_fentry")
    local link = assert(lbpf.link_create(prog, 0, "trace_fentry", {tracing = {cookie = 5}}))
    local info = lbpf.link_get_info_by_fd(link)
    assert.equal("tracing", info.type)
    assert.equal("trace_fentry", info.tracing.attach_type)
    assert.equal(lbpf.prog_get_info_by_fd(prog).attach_btf_id, info.tracing.target_btf_id)
    assert.equal(1, info.tracing.target_obj_id)
    object:close()
  end))
end)

describe("an iterator's link", function()
  it("tells the map", needs({"root", "map iterators"}, function()
    local prog, object = one("each_element")
    local map = object.maps.elements
    local link = assert(lbpf.link_create(prog, 0, "trace_iter",
      {iter_info = {map = {map_fd = map}}}))
    local info = lbpf.link_get_info_by_fd(link)
    assert.equal("iter", info.type)
    assert.same({target_name = "bpf_map_elem", map = {map_id = lbpf.map_get_info_by_fd(map).id}},
      info.iter)
    object:close()
  end))

  it("tells the task", needs({"root", "iterators of a task", "task iterators' info"}, function()
    local prog, object = one("each_task")
    local link = assert(lbpf.link_create(prog, 0, "trace_iter", {iter_info = {task = {tid = 1}}}))
    assert.same({target_name = "task", task = {tid = 1, pid = 0}},
      lbpf.link_get_info_by_fd(link).iter)
    object:close()
  end))
end)

describe("a cgroup's link", function()
  local dir, file, cgroup

  lazy_setup(function()
    dir = os.tmpname()
    os.remove(dir)
    os.execute(("mkdir %s && mount -t cgroup2 none %s && mkdir %s/lbpf_%s")
      :format(dir, dir, dir, dir:match("[^/]+$")))
    cgroup = dir .. "/lbpf_" .. dir:match("[^/]+$")
    file, cgroup = fds.open(cgroup)
  end)

  lazy_teardown(function()
    file:close()
    os.execute(("rmdir %s/lbpf_%s; umount %s; rmdir %s"):format(dir, dir:match("[^/]+$"), dir, dir))
  end)

  it("is seen, updated and detached", needs("root", function()
    local INGRESS = "cgroup_inet_ingress"
    local opts = {expected_attach_type = INGRESS}
    local first, second = load("cgroup_skb", opts, 1), load("cgroup_skb", opts, 1)
    local link = assert(lbpf.link_create(first, cgroup, INGRESS))
    local info = lbpf.link_get_info_by_fd(link)
    assert.equal("cgroup", info.type)
    assert.equal(INGRESS, info.cgroup.attach_type)
    assert.is_true(tonumber(tostring(info.cgroup.cgroup_id):match("%d+")) > 0)

    local BPF_F_ALLOW_MULTI, BPF_F_QUERY_EFFECTIVE = 2, 1
    local query = lbpf.prog_query(cgroup, INGRESS)
    assert.same({id(first)}, query.prog_ids)
    assert.equal(BPF_F_ALLOW_MULTI, query.attach_flags)
    assert.same({}, lbpf.prog_query(cgroup, "cgroup_inet_egress").prog_ids)
    local effective = lbpf.prog_query(cgroup, INGRESS, {query_flags = BPF_F_QUERY_EFFECTIVE})
    assert.equal(id(first), effective.prog_ids[#effective.prog_ids])

    local BPF_F_REPLACE = 4
    assert.equal(EPERM, select(3, lbpf.link_update(link, second,
      {flags = BPF_F_REPLACE, old_prog_fd = second})))
    assert.equal(link, lbpf.link_update(link, second, {flags = BPF_F_REPLACE, old_prog_fd = first}))
    assert.same({id(second)}, lbpf.prog_query(cgroup, INGRESS).prog_ids)
    assert.equal(id(second), lbpf.link_get_info_by_fd(link).prog_id)

    assert.equal(link, lbpf.link_detach(link))
    assert.same({}, lbpf.prog_query(cgroup, INGRESS).prog_ids)
  end))

  it("has flags of its own", needs({"root", "flags of cgroups' programs"}, function()
    local INGRESS, BPF_F_ALLOW_MULTI = "cgroup_inet_ingress", 2
    local prog = load("cgroup_skb", {expected_attach_type = INGRESS}, 1)
    local link = assert(lbpf.link_create(prog, cgroup, INGRESS))
    assert.same({BPF_F_ALLOW_MULTI}, lbpf.prog_query(cgroup, INGRESS).prog_attach_flags)
    link:close()
  end))

  it("may be one of many", needs("root", function()
    local INGRESS = "cgroup_inet_ingress"
    local links, ids = {}, {}
    for i = 1, 60 do
      local prog = load("cgroup_skb", {expected_attach_type = INGRESS}, 1)
      links[i] = assert(lbpf.link_create(prog, cgroup, INGRESS))
      ids[i] = id(prog)
    end
    assert.same(ids, lbpf.prog_query(cgroup, INGRESS).prog_ids)
    for i = 1, 60 do
      links[i]:close()
    end
  end))
end)

describe("links to the network", function()
  it("tell the device and the name space", needs("root", function()
    local output = child.run("require 'programs.net_links'", "unshare --net")
    assert.equal("xdp\t1\nnetns\tflow_dissector\ntrue\ntrue\n", output)
  end))
end)

describe("link_create", function()
  it("refuses what does not fit the attach type", needs("root", function()
    local prog = load("perf_event")
    local function refused(pattern, ...)
      local ok, message = pcall(lbpf.link_create, prog, 0, ...)
      assert.is_false(ok)
      assert.matches(pattern, message)
    end
    refused("#4 .*option 'kprobe_multi' is not for this attach type", "perf_event",
      {kprobe_multi = {syms = {"vfs_read"}}})
    refused("#4 .*option 'iter_info' is not for this attach type", "perf_event", {iter_info = {}})
    refused("#4 .*unknown option 'cookie'; expected one of: bpf_cookie", "perf_event",
      {perf_event = {cookie = 1}})
    refused("#4 .*option 'tracing' must be a table", "trace_fentry", {tracing = 5})
    refused("#4 .*option 'cookies' must be a list as long as the others", "trace_kprobe_multi",
      {kprobe_multi = {syms = {"vfs_read"}, cookies = {1, 2}}})
    refused("#4 .*option 'syms': %[1%] is not a string", "trace_kprobe_multi",
      {kprobe_multi = {syms = {1}}})
    refused("#3 .*has no attach type 'perf'", "perf")
    local link, message, errno = lbpf.link_create(prog, 0, "cgroup_inet_ingress")
    assert.is_nil(link)
    assert.matches("^link_create: program %d+, cgroup_inet_ingress: Invalid argument %(EINVAL%)",
      message)
    assert.equal(EINVAL, errno)
  end))

  it("says which options need a newer libbpf", needs("root", function()
    local ok, message = pcall(lbpf.link_create, 0, 0, "cgroup_inet_ingress",
      {cgroup = {relative_id = 1}})
    if lbpf.version_string() < "v1.6" then
      assert.is_false(ok)
      assert.matches("'cgroup' needs libbpf 1.6, this is v1", message)
    else
      assert.is_true(ok)
    end
  end))
end)

describe("pinned objects", function()
  local path

  before_each(function()
    path = pins.path()
  end)

  after_each(function()
    os.remove(path)
  end)

  it("come back with their type, also when no process has them open",
      needs({"root", "bpffs"}, function()
    local prog = load("socket_filter", nil, 123)
    local prog_id = id(prog)
    assert.equal(prog, lbpf.obj_pin(prog, path))
    prog:close()
    local again = assert(lbpf.obj_get(path))
    assert.equal(prog_id, id(again))
    assert.equal(123, lbpf.prog_test_run(again, {data_in = ("\0"):rep(14)}).retval)
    again:close()
    os.remove(path)
    local got, message, errno = lbpf.obj_get(path)
    assert.is_nil(got)
    assert.equal(("obj_get '%s': No such file or directory (ENOENT)"):format(path), message)
    assert.equal(ENOENT, errno)
  end))

  it("keep a program attached", needs({"root", "bpffs"}, function()
    local link = assert(lbpf.raw_tracepoint_open("sched_process_exit", load("raw_tracepoint")))
    local link_id = lbpf.link_get_info_by_fd(link).id
    assert(lbpf.obj_pin(link, path))
    link:close()
    assert.equal(link_id, lbpf.link_get_info_by_fd(assert(lbpf.obj_get(path))).id)
  end))

  it("open a map to be read only", needs({"root", "bpffs"}, function()
    local map = assert(lbpf.map_create("array", nil, 4, 4, 1))
    assert(lbpf.obj_pin(map, path))
    local reader = assert(lbpf.obj_get(path, {file_flags = 8}))
    assert.equal(u32(0), lbpf.map_lookup(reader, u32(0)))
    assert.equal(EPERM, select(3, lbpf.map_update(reader, u32(0), u32(1))))
  end))

  it("need a free name", needs({"root", "bpffs"}, function()
    local map = assert(lbpf.map_create("array", nil, 4, 4, 1))
    assert(lbpf.obj_pin(map, path))
    local result, message, errno = lbpf.obj_pin(map, path)
    assert.is_nil(result)
    assert.equal(("obj_pin '%s': File exists (EEXIST)"):format(path), message)
    assert.equal(EEXIST, errno)
  end))
end)
