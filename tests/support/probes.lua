--- What a machine may have, each found out by trying it, never by the kernel's version, for
-- distributions backport. A probe returns whether it is there or, for no, `nil` and why; one that
-- raises an error has its answer too.
local child = require "child"
local insns = require "insns"
local lbpf = require "lbpf"

local probes = {}

local GET_ATTACH_COOKIE = 174

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return text
end

local function exists(path)
  local file = io.open(path)
  if file then
    file:close()
    return true
  end
  return nil, "no " .. path
end

-- Does the command succeed? If not, the last thing that it says is why.
local function succeeds(command)
  local text, status = child.output("unset LD_PRELOAD; " .. command)
  if status == 0 then
    return true
  end
  return nil, text:match("([^\n]+)\n*$") or command .. " failed"
end

local function load(prog_type, opts, code)
  return assert(lbpf.prog_load(prog_type, nil, "GPL", code or insns.returns(0), opts))
end

-- A program for a function, or for iterators over NAME.
local function load_for(name, attach_type)
  return load("tracing", {
    expected_attach_type = attach_type,
    attach_btf_id = assert(lbpf.find_vmlinux_btf_id(name, attach_type)),
  })
end

-- Can a link be made of the program? It ends at once; else errno comes third.
local function links(...)
  local link, message, errno = lbpf.link_create(...)
  if link then
    link:close()
    return true
  end
  return nil, message, errno
end

-- Can the object of tests/bpf be loaded, with this one program if it is named, and ATTACH it?
local function attaches(name, prog_name, attach)
  local object = assert(lbpf.open(("build/bpf/%s.bpf.o"):format(name)))
  for other, prog in pairs(object.progs) do
    prog:set_autoload(not prog_name or other == prog_name)
  end
  local done, message = object:load()
  if done then
    done, message = attach(object)
  end
  object:close()
  return done and true, message
end

-- Whoever runs this -------------------------------------------------------------------------

local CAPABILITIES = {[12] = "NET_ADMIN", [21] = "SYS_ADMIN", [38] = "PERFMON", [39] = "BPF"}

-- A digit of 4 capabilities each, the first at the end.
local function capable(number)
  local digits = read("/proc/self/status"):match("CapEff:%s*(%x+)")
  local digit = tonumber(digits:sub(-1 - (number - number % 4) / 4):sub(1, 1), 16)
  local bit = 2 ^ (number % 4)
  return digit % (2 * bit) >= bit
end

--- All that root can do, and a kernel that loads BPF.
function probes.root()
  local uid = read("/proc/self/status"):match("Uid:%s+%d+%s+(%d+)")
  if uid ~= "0" then
    return nil, "user " .. uid .. " runs this"
  end
  for number, name in pairs(CAPABILITIES) do
    if not capable(number) then
      return nil, "without CAP_" .. name
    end
  end
  if os.getenv("LBPF_SHARED") then -- tests/run
    return nil, "no namespaces of our own: " .. os.getenv("LBPF_SHARED")
  end
  assert(exists("build/helpers/loads_bpf"))
  return succeeds("build/helpers/loads_bpf")
end

-- The kernel --------------------------------------------------------------------------------

function probes.tracefs()
  return exists("/sys/kernel/tracing/events")
end

--- Processes without capabilities may use what they can open, whatever
-- kernel.unprivileged_bpf_disabled says.
probes["bpf() without capabilities"] = function()
  local message = child.run([[io.write((select(2, require("lbpf").obj_get("/sys/fs/bpf/none"))))]],
    "setpriv --bounding-set=-all --inh-caps=-all --")
  return message:find("ENOENT", 1, true) ~= nil, message
end

-- Can a map of that type be made?
local function makes(map_type, key_size, value_size, max_entries)
  return assert(lbpf.map_create(map_type, nil, key_size, value_size, max_entries)):close()
end

probes["user rings"] = function()
  return makes("user_ringbuf", 0, 0, 4096)
end

probes["Bloom filters"] = function()
  return makes("bloom_filter", 0, 4, 1)
end

--- Storage that is a task's: its map.
probes["task storage"] = function()
  local types = assert(lbpf.btf_new_empty())
  local int = types:add_int("int", 4, "signed")
  assert(types:load_into_kernel())
  return assert(lbpf.map_create("task_storage", nil, 4, 4, 0, {map_flags = "no_prealloc",
    btf_fd = types:fd(), btf_key_type_id = int, btf_value_type_id = int})):close()
end

--- Programs that user space calls with a context of its own, as those that load others do.
probes["syscall programs"] = function()
  local SLEEPABLE = 16
  return load("syscall", {prog_flags = SLEEPABLE})
end

--- Programs that have the descriptors of their maps in a list.
probes["lists of maps"] = function()
  local map = assert(lbpf.map_create("array", nil, 4, 4, 1))
  return load("socket_filter", {fd_array = {map}})
end

--- Lookups that delete, of hashes.
probes["taking from hashes"] = function()
  local map = assert(lbpf.map_create("hash", nil, 4, 4, 1))
  assert(lbpf.map_update(map, "abcd", "1234"))
  return lbpf.map_lookup_and_delete(map, "abcd")
end

-- Can the elements of such a map be read in batches?
local function batches(...)
  return lbpf.map_lookup_batch((assert(lbpf.map_create(...))))
end

probes["batches of tries"] = function()
  return batches("lpm_trie", nil, 8, 4, 1, {map_flags = "no_prealloc"})
end

probes["batches of per-CPU arrays"] = function()
  return batches("percpu_array", nil, 4, 4, 1)
end

--- Keys longer than a program's stack.
probes["long keys"] = function()
  return makes("hash", 700, 4, 1)
end

--- An object that was compiled from Lua on another machine, as tests/vm/image does.
function probes.compiled_elsewhere()
  return exists "build/bpf/elsewhere_lua.bpf.o"
end

--- A function of the kernel that programs may call: "kfunc bpf_strlen".
function probes.kfunc(name)
  return assert(lbpf.btf_load_vmlinux_btf()):find_by_name_kind(name, "func")
end

--- Loaded modules with types.
function probes.module_btf()
  for info in lbpf.btfs() do
    if info.kernel_btf and info.name ~= "vmlinux" then
      return true
    end
  end
end

--- The current task as a pointer that the verifier knows, from Linux 5.11.
function probes.task_btf()
  return lbpf.probe_bpf_helper("raw_tracepoint", "get_current_task_btf")
end

--- A BPF file system.
function probes.bpffs()
  local path = "/sys/fs/bpf/lbpf-probe-" .. child.pid()
  local map = assert(lbpf.map_create("hash", nil, 4, 4, 1))
  assert(lbpf.obj_pin(map, path))
  return os.remove(path)
end

--- Loops that the kernel counts, from Linux 6.9.
function probes.may_goto()
  local may_goto = insns.insn(0xe5, 0, 0, 1, 0) -- over one instruction
  return load("socket_filter", nil, insns.mov(0, 0) .. may_goto .. insns.returns(0))
end

--- Functions that the kernel calls for each round of a loop, from Linux 5.17.
function probes.bpf_loop()
  return lbpf.probe_bpf_helper("raw_tracepoint", "loop"), "no such helper"
end

-- A map that programs and user space share as memory.
function probes.arena()
  local ARENA = 33 -- which older libbpfs have no name for
  return assert(lbpf.map_create(ARENA, nil, 0, 0, 1, {map_flags = "mmapable"})):close()
end

-- The kernel's types, which it need not have.
function probes.btf()
  return assert(lbpf.btf_load_vmlinux_btf()):close()
end

--- ... and which have an id, and a name.
probes["BTF of the kernel by id"] = function()
  for info in lbpf.btfs() do
    if info.kernel_btf and info.name == "vmlinux" then
      return true
    end
  end
  return nil, "no BTF has the name 'vmlinux'"
end

function probes.kprobes()
  return attaches("linkinfo", "on_kprobe", function(object)
    return object.progs.on_kprobe:attach_kprobe("vfs_read")
  end)
end

function probes.kprobe_multi()
  return links(load("kprobe", {expected_attach_type = "trace_kprobe_multi"}), 0,
    "trace_kprobe_multi", {kprobe_multi = {syms = {"vfs_read"}}})
end

function probes.tracing_multi()
  return attaches("tracing_multi", nil, function(object)
    return object.progs.enter:attach_tracing_multi("vfs_read")
  end)
end

probes["kprobe session"] = function()
  return attaches("attach_session", nil, function(object)
    return object.progs.session:attach_kprobe_multi("vfs_read", {session = true})
  end)
end

function probes.uprobe_multi()
  return attaches("uprobe_multi", nil, function(object)
    return object.progs.entry:attach_uprobe_multi(nil, "build/helpers/probe_me", "probe_add")
  end)
end

probes["uprobe session"] = function()
  return attaches("uprobe_session", nil, function(object)
    return object.progs.session:attach_uprobe_multi(nil, "build/helpers/probe_me", "probe_add",
      {session = true})
  end)
end

function probes.trampolines()
  return links(load_for("vfs_read", "trace_fentry"), 0, "trace_fentry")
end

function probes.lsm()
  return read("/sys/kernel/security/lsm"):find("%f[%w]bpf%f[%W]") ~= nil,
    "not in /sys/kernel/security/lsm"
end

--- Iterators over tasks.
function probes.iterators()
  return links(load_for("task", "trace_iter"), 0, "trace_iter")
end

probes["map iterators"] = function()
  local map = assert(lbpf.map_create("hash", nil, 4, 4, 1))
  return links(load_for("bpf_map_elem", "trace_iter"), 0, "trace_iter",
    {iter_info = {map = {map_fd = map}}})
end

probes["cgroup iterators"] = function()
  local SELF_ONLY = 1
  return links(load_for("cgroup", "trace_iter"), 0, "trace_iter",
    {iter_info = {cgroup = {order = SELF_ONLY}}})
end

--- Iterators that go through one process or thread. Such kernels take one of the two.
probes["iterators of a task"] = function()
  local made, _, errno = links(load_for("task", "trace_iter"), 0, "trace_iter",
    {iter_info = {task = {pid = 1, tid = 1}}})
  return not made and errno == 22, "all tasks whatever was asked for"
end

--- ... and whose links tell which.
probes["task iterators' info"] = function()
  local link = assert(lbpf.link_create(load_for("task", "trace_iter"), 0, "trace_iter",
    {iter_info = {task = {tid = 1}}}))
  return lbpf.link_get_info_by_fd(link).iter.task ~= nil, "not told"
end

--- Links that tell their cookies: of perf events and of kprobe_multi, which came together.
probes["link cookies"] = function()
  local SOFTWARE, CONTEXT_SWITCHES = 1, 3
  local event = assert(lbpf.perf_event_open(
    {type = SOFTWARE, config = CONTEXT_SWITCHES, sample_period = 1000000}, 0))
  local link = assert(lbpf.link_create(load("perf_event"), event, "perf_event",
    {perf_event = {bpf_cookie = 7}}))
  local info = lbpf.link_get_info_by_fd(link).perf_event
  return info ~= nil and info.event ~= nil and tonumber(info.event.cookie) == 7, "not told"
end

--- Cookies of perf events: kprobes, uprobes, tracepoints. Without them libbpf can attach to a USDT
-- probe only once, and only in one process where the file is a shared library.
function probes.cookies()
  return load("kprobe", nil, insns.call(GET_ATTACH_COOKIE) .. insns.returns(0))
end

--- Cookies of fentry, fexit and the like.
probes["tracing cookies"] = function()
  return links(load_for("vfs_read", "trace_fentry"), 0, "trace_fentry", {tracing = {cookie = 1}})
end

--- Links of perf events, instead of their ioctl().
probes["perf event links"] = function()
  local SOFTWARE, CONTEXT_SWITCHES = 1, 3
  local event = assert(lbpf.perf_event_open(
    {type = SOFTWARE, config = CONTEXT_SWITCHES, sample_period = 1000000}, 0))
  return links(load("perf_event"), event, "perf_event")
end

probes["raw tracepoint cookies"] = function()
  load("raw_tracepoint", nil, insns.call(GET_ATTACH_COOKIE) .. insns.returns(0))
  return true
end

probes["struct_ops links"] = function()
  return attaches("struct_ops_link", nil, function(object)
    return object.maps.first:attach_struct_ops()
  end)
end

function probes.tcx()
  return links(load("sched_cls", {expected_attach_type = "tcx_ingress"}), 1, "tcx_ingress")
end

function probes.netkit()
  local ENXIO, LOOPBACK = 6, 1
  local _, message, errno = links(load("sched_cls", {expected_attach_type = "netkit_primary"}),
    LOOPBACK, "netkit_primary")
  return errno == ENXIO, message -- for lo is none
end

function probes.netfilter()
  return links(load("netfilter", {expected_attach_type = "netfilter"}, insns.returns(1)), 0,
    "netfilter", {netfilter = {pf = 2, hooknum = 1, priority = -128}})
end

--- The order of programs on a cgroup.
probes["cgroup order"] = function()
  local CGROUP_F_BEFORE = 8
  local path = read("/proc/self/mounts"):match("%S+ (%S+) cgroup2 ")
  local program = load("cgroup_skb", {expected_attach_type = "cgroup_inet_ingress"},
    insns.returns(1))
  return lbpf.prog_attach(program, assert(path, "no cgroup2"), "cgroup_inet_ingress",
    {flags = 2 + CGROUP_F_BEFORE})
    and lbpf.prog_detach2(program, path, "cgroup_inet_ingress")
end

--- Flags that are a program's, and not all of a cgroup's.
probes["flags of cgroups' programs"] = function()
  local path = assert(read("/proc/self/mounts"):match("%S+ (%S+) cgroup2 "), "no cgroup2")
  local query = assert(lbpf.prog_query(path, "cgroup_inet_ingress"))
  return query.prog_attach_flags ~= nil, "not told"
end

--- Programs on a sockmap by a link.
probes["sockmap links"] = function()
  local map = assert(lbpf.map_create("sockmap", nil, 4, 4, 1))
  return links(load("sk_msg", {expected_attach_type = "sk_msg_verdict"}, insns.returns(1)), map,
    "sk_msg_verdict")
end

--- What a network device can do for XDP: told by the kernel, of veth at least.
probes["XDP features"] = function()
  local made, why = succeeds("ip link add lbpf0 type veth peer name lbpf1")
  if not made then
    return made, why
  end
  local info = lbpf.xdp_query("lbpf0")
  succeeds("ip link delete lbpf0")
  return info ~= nil and tonumber(info.feature_flags) ~= 0, "not told"
end

function probes.tokens()
  return succeeds("build/helpers/delegate true")
end

--- Streams of programs.
function probes.streams()
  return lbpf.prog_stream_read(load("socket_filter"), "stdout")
end

--- ... and the kernel's function that writes to them.
function probes.bpf_stream_vprintk()
  return attaches("streams", nil, function()
    return true
  end)
end

-- What else is installed, and what runs this --------------------------------------------------

-- None in a chroot.
probes["user namespaces"] = function()
  return succeeds("unshare --user --map-root-user true")
end

function probes.argparse()
  return pcall(require, "argparse")
end

-- What the command writes JSON with.
function probes.json()
  return pcall(require, "cjson") or pcall(require, "dkjson")
end

local LUA_OF = {haproxy = "lua5.3", nvim = "luajit", kresd = "luajit", cc = "lua5.4"}

--- A program that embeds Lua, or makes one, with lbpf built for that Lua.
function probes.host(name)
  local built, why = exists("build/" .. LUA_OF[name] .. "/lbpf/core.so")
  if not built then
    return nil, why
  end
  return succeeds("command -v " .. name)
end

function probes.bpftool()
  return succeeds("bpftool version >/dev/null")
end

function probes.clang()
  return succeeds("clang --version >/dev/null")
end

function probes.xmllint()
  return succeeds("xmllint --version")
end

-- As Go ships it.
function probes.pprof()
  return succeeds("go version")
end

--- A module with libbpf inside: make LIBBPF=static.
probes["static libbpf"] = function()
  return exists(("build/%s-static/lbpf/core.so"):format(os.getenv("LBPF_LUA")))
end

probes["libstdc++"] = function()
  return lbpf.demangle("_ZN1a1bEv") == "a::b()"
end

probes["drop reasons"] = function()
  local file = io.open("/sys/kernel/tracing/events/skb/kfree_skb/format")
  local format = file and file:read("*a") or ""
  return format:find("reason", 1, true) ~= nil
end

--- Pages that are asked for: a tracepoint of Linux 6.11, or kprobes.
probes["page cache events"] = function()
  if exists("/sys/kernel/tracing/events/filemap/mm_filemap_get_pages") then
    return true
  end
  return probes.kprobes()
end

function probes.libdw()
  local lines, why = lbpf.elf_lines("build/helpers/probe_me")
  if lines then
    lines:close()
  end
  return lines ~= nil, why
end

--- elfutils' server, and the library that asks it.
function probes.debuginfod()
  local _, _, errno = lbpf.elf_symbols("/dev/null", {debuginfod = true})
  return errno ~= 95 and succeeds "command -v debuginfod" -- EOPNOTSUPP
end

function probes.cqueues()
  return pcall(require, "cqueues")
end

function probes.luv()
  return pcall(require, "luv")
end

--- Two processes that race for one map can take minutes under software emulation.
function probes.native()
  return not read("/proc/cpuinfo"):find("QEMU", 1, true), "emulated processors"
end

--- Little-endian processors: the sixth byte of the interpreter's ELF header tells.
probes["little endian"] = function()
  return read("/proc/self/exe"):byte(6) == 1, "this processor is big-endian"
end

--- No AddressSanitizer, which other programs that this process starts would have, too: it takes
--- their malloc(), and ends those that leak with an error.
function probes.unsanitized()
  return not (os.getenv("LD_PRELOAD") or ""):find("asan", 1, true), "AddressSanitizer is there"
end

--- A directory on a block device: file systems in memory, and those above others, have none.
probes["a disk"] = function()
  local major = math.floor(require("lfs").attributes(".", "dev") / 256) % 4096
  return major ~= 0, "this directory is on no block device"
end

--- Integers of 64 bits, other than numbers that round them.
probes["64 bits"] = function()
  return math.type ~= nil or jit ~= nil, "all numbers are floating point" -- luacheck: globals jit
end

--- A compiler in the Lua itself: LuaJIT's.
function probes.jit()
  return jit ~= nil, "this is " .. _VERSION -- luacheck: globals jit
end

--- Variables that are closed at the end of their scope: Lua 5.4.
function probes.close()
  return (loadstring or _G.load)("local x <close> = nil") ~= nil, "this is " .. _VERSION
end

local function at_least(have, want)
  local major, minor = have:match("(%d+)%.(%d+)")
  local want_major, want_minor = want:match("(%d+)%.(%d+)")
  major, want_major = tonumber(major), tonumber(want_major)
  return major > want_major
    or major == want_major and tonumber(minor) >= tonumber(want_minor)
end

--- A libbpf of at least that version, "libbpf 1.5".
function probes.libbpf(version)
  return at_least(lbpf.version_string(), version), "this is " .. lbpf.version_string()
end

return probes
