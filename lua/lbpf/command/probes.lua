-- What lbpf check tries. A probe is {name, what it is for, try, fix}: `try` returns a detail, or
-- nil, why not and an error number, as a call of lbpf does; an error counts as why not. `fix` is
-- what to do then. Probes that are `vital` decide the exit status.

local support = require "lbpf.command.support"

local jit, unpack = rawget(_G, "jit"), table.unpack or unpack -- luacheck: globals unpack

local ROOT = "run it as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"

-- mov r0, 0; exit
local NOTHING = "\183\0\0\0\0\0\0\0\149\0\0\0\0\0\0\0"

local function lbpf()
  return require "lbpf"
end

local function first_line(path)
  local text = support.read(path)
  return text and text:match("[^\n]+")
end

local function exists(path)
  local stamp, message, errno = lbpf().file_stamp(path)
  return stamp and path, message, errno
end

-- Files and settings ---------------------------------------------------------------------------

local function kernel()
  return first_line("/proc/version"):match("^Linux version %S+"), "no /proc/version"
end

local CAPABILITIES = {
  {"CAP_NET_ADMIN", 12}, {"CAP_SYS_ADMIN", 21}, {"CAP_PERFMON", 38}, {"CAP_BPF", 39},
}

local function has_capability(digits, number)
  local digit = tonumber(digits:sub(-1 - math.floor(number / 4)):sub(1, 1), 16) or 0
  local bit = 2 ^ (number % 4)
  return digit % (2 * bit) >= bit
end

local function privileges()
  local status = support.read("/proc/self/status")
  local digits, missing = status:match("CapEff:%s*(%x+)"), {}
  for _, capability in ipairs(CAPABILITIES) do
    if not has_capability(digits, capability[2]) then
      missing[#missing + 1] = capability[1]
    end
  end
  if #missing > 0 then
    return nil, "without " .. table.concat(missing, ", ")
  end
  return "user " .. status:match("Uid:%s+%d+%s+(%d+)")
end

local function lockdown()
  local text = first_line("/sys/kernel/security/lockdown")
  local mode = text and text:match("%[(.-)%]") or "none"
  return mode ~= "confidentiality" and mode, "confidentiality: programs cannot read memory"
end

local function bpf_jit()
  local value = first_line("/proc/sys/net/core/bpf_jit_enable")
  return value ~= "0" and "on", "net.core.bpf_jit_enable is 0: programs are interpreted"
end

local function kallsyms()
  local symbols, message, errno = lbpf().kallsyms()
  if not symbols then
    return nil, message, errno
  end
  -- the first symbols may be per CPU, and begin at 0
  return support.read("/proc/kallsyms"):find("\n%x-[1-9a-f]%x* ") and "readable",
    "the kernel hides addresses"
end

local function library(...)
  for _, name in ipairs {...} do
    if pcall(require, name) then
      return name
    end
  end
  return nil, "neither of " .. table.concat({...}, ", ") .. " is there"
end

local function clang()
  local status, output = lbpf().spawn({"clang", "--version"})
  return status == 0 and output:match("[^\n]+"), "not in PATH"
end

-- Programs, maps, links --------------------------------------------------------------------------

local function loads(prog_type, opts, code)
  return lbpf().prog_load(prog_type, nil, "GPL", code or NOTHING, opts)
end

local function loading()
  local prog, message, errno = loads("socket_filter")
  return prog and "works", message, errno
end

local function makes(map_type, key_size, value_size, max_entries, opts)
  return function()
    local map, message, errno = lbpf().map_create(map_type, nil, key_size, value_size, max_entries,
      opts)
    return map and "works", message, errno
  end
end

-- Whether a link can be made of what loads() has returned, by MAKE(prog); it ends at once.
local function links(make, prog, message, errno)
  if not prog then
    return nil, message, errno
  end
  local link
  link, message, errno = make(prog)
  if link then
    link:close()
  end
  return link and "works", message, errno
end

local function links_to(...)
  local n, arguments = select("#", ...), {...}
  return function(prog)
    return lbpf().link_create(prog, unpack(arguments, 1, n))
  end
end

local function perf_event(attr, what)
  return function()
    local event, message, errno = lbpf().perf_event_open(attr, 0)
    if not event then
      return nil, message, errno
    end
    return links(links_to(event, "perf_event"), loads(what))
  end
end

local function tracepoint()
  for _, folder in ipairs {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} do
    local number = tonumber(first_line(folder .. "/events/sched/sched_switch/id") or "")
    if number then
      return perf_event({type = 2, config = number, sample_period = 1}, "tracepoint")()
    end
  end
  return exists "/sys/kernel/tracing/events/sched/sched_switch/id"
end

local function raw_tracepoint()
  return links(function(prog)
    return lbpf().raw_tracepoint_open("sched_switch", prog)
  end, loads("raw_tracepoint"))
end

-- Attaches programs that are compiled here from Lua.
local function attaches(spec)
  return function()
    local tracer, message, errno = lbpf().trace({[spec] = "n = 1"})
    if tracer then
      tracer:close()
    end
    return tracer and "works", message, errno
  end
end

-- ... to a function of this process's libc that nobody calls.
local function uprobe()
  local libc = support.read("/proc/self/maps"):match("(/%S*/libc[.-]%S*)\n")
  return attaches(("uprobe/%s:getsubopt"):format(libc or "/bin/sh"))()
end

local function multi()
  return links(links_to(0, "trace_kprobe_multi", {kprobe_multi = {syms = {"vfs_read"}}}),
    loads("kprobe", {expected_attach_type = "trace_kprobe_multi"}))
end

local function typed(name, attach_type, prog_type)
  return function()
    local id, message, errno = lbpf().find_vmlinux_btf_id(name, attach_type)
    if not id then
      return nil, message, errno
    end
    return links(links_to(0, attach_type), loads(prog_type, {expected_attach_type = attach_type,
      attach_btf_id = id}))
  end
end

local function cgroup()
  local mount = (support.read("/proc/self/mounts") or ""):match("\n%S+ (%S+) cgroup2 ")
  return mount, "no cgroup2 file system is mounted"
end

-- ... to the first interface, lo.
local function network(prog_type, attach_type, opts)
  return function()
    return links(links_to(1, attach_type, opts),
      loads(prog_type, {expected_attach_type = attach_type}))
  end
end

local GENERIC = {flags = 2} -- XDP_FLAGS_SKB_MODE

local function pinning()
  for line in (support.read("/proc/self/mounts") or ""):gmatch("[^\n]+") do
    local path = line:match("^%S+ (%S+) bpf ")
    if path then
      return path
    end
  end
  return nil, "no BPF file system is mounted"
end

return {
  {"kernel", "5.10 or newer", kernel},
  {"libbpf", "what lbpf is built on", function() return lbpf().version_string() end},
  {"Lua", "what runs this", function() return jit and jit.version or _VERSION end},
  {"privileges", "loading programs", privileges, ROOT},
  {"bpf()", "loading programs", loading,
    ROOT .. "; in a container also a profile that allows bpf()", vital = true},
  {"lockdown", "reading memory", lockdown, "boot with lockdown=integrity, or without Secure Boot"},
  {"JIT", "speed", bpf_jit, "sysctl net.core.bpf_jit_enable=1"},
  {"BTF", "the kernel's types", function() return exists "/sys/kernel/btf/vmlinux" end,
    "a kernel with CONFIG_DEBUG_INFO_BTF=y", vital = true},
  {"tracefs", "the names and arguments of tracepoints",
    function() return exists "/sys/kernel/tracing/events" end,
    "mount -t tracefs tracefs /sys/kernel/tracing, as root"},
  {"BPF file system", "pinning", pinning, "mount -t bpf bpf /sys/fs/bpf"},
  {"kallsyms", "names of kernel functions in stacks", kallsyms,
    "sysctl kernel.kptr_restrict=1, and run it as root"},
  {"cgroup2", "programs for cgroups", cgroup, "mount -t cgroup2 cgroup2 /sys/fs/cgroup"},
  {"tracepoints", "tracepoint:sched:sched_switch", tracepoint,
    "CONFIG_TRACEPOINTS and CONFIG_PERF_EVENTS; tracefs; " .. ROOT},
  {"raw tracepoints", "raw_tp/sched_switch", raw_tracepoint, "CONFIG_BPF_EVENTS; " .. ROOT},
  {"kprobes", "kprobe:vfs_read", attaches "kprobe/vfs_read",
    "a kernel with CONFIG_KPROBES and CONFIG_KPROBE_EVENTS"},
  {"kprobe_multi", "kprobe:vfs_*, many at once", multi, "Linux 5.18 with CONFIG_FPROBE"},
  {"trampolines", "fentry:vfs_read", typed("vfs_read", "trace_fentry", "tracing"),
    "a kernel with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS; Linux 6.0 for arm64"},
  {"LSM", "SEC(\"lsm/...\")", typed("file_open", "lsm_mac", "lsm"),
    "CONFIG_BPF_LSM, and \"bpf\" in the boot option lsm="},
  {"iterators", "SEC(\"iter/task\")", typed("task", "trace_iter", "tracing"), "Linux 5.8 with "
    .. "CONFIG_BPF_SYSCALL"},
  {"uprobes", "uprobe:/bin/bash:readline", uprobe, "a kernel with CONFIG_UPROBE_EVENTS"},
  {"profiles", "profile:hz:99", perf_event({type = 1, config = 0, sample_period = 1000000},
    "perf_event"), ROOT},
  {"hardware events", "perf_event/cycles", perf_event({type = 0, config = 0,
    sample_period = 100000000}, "perf_event"), "virtual machines often have none; profile:hz:99 "
    .. "needs none"},
  {"ring buffers", "events", makes("ringbuf", 0, 0, 4096), "Linux 5.8; " .. ROOT},
  {"arenas", "memory that programs share with Lua", makes("arena", 0, 0, 1,
    {map_flags = "mmapable"}), "Linux 6.9 and libbpf 1.4"},
  {"may_goto", "loops without a bound", function()
    return require("lbpf.compiler.machine").loops() == "may_goto" and "works", "not in this kernel"
  end, "Linux 6.9; before that loops are functions, see bpf_loop"},
  {"bpf_loop", "the same, as functions", function()
    return require("lbpf.compiler.machine").has_bpf_loop() and "works", "not in this kernel"
  end, "Linux 5.17; before that loops have at most 1024 rounds"},
  {"XDP", "SEC(\"xdp\")", network("xdp", "xdp", GENERIC), "CONFIG_NET; " .. ROOT},
  {"tcx", "SEC(\"tcx/ingress\")", network("sched_cls", "tcx_ingress"),
    "Linux 6.6 and libbpf 1.3; before that tc/ingress uses clsact"},
  {"clang", "programs in C", clang, "Debian: apt-get install clang libbpf-dev"},
  {"JSON", "option --json", function() return library("cjson", "dkjson") end,
    "Debian: apt-get install lua-cjson or lua-dkjson"},
}
