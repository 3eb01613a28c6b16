-- The kinds of probes, as data: their section names, where their arguments are, and the default
-- return value. A new kind is a new row.
local arguments = require "lbpf.compiler.arguments"
local near = require "lbpf.compiler.near"
local source = require "lbpf.compiler.source"

-- args: a function of arguments.lua; known: the verifier knows the pointers; returns: `retval`;
-- both: arguments as well; prefix: of the function's name; space: of untyped pointers; context: the
-- structure that ctx is; packet: where in it the packet's addresses are; default: what is returned;
-- enum: whose names are known; constants: more of these; attach: the section that libbpf knows
local kinds = {
  {"tp", "tracepoint", args = "format"},
  {"raw_tp", "raw_tracepoint", "raw_tp.w", "raw_tracepoint.w", args = "trace"},
  {"tp_btf", args = "trace", known = true},
  {"fentry", "fmod_ret", args = "traced_function"},
  {"fexit", args = "traced_function", returns = true},
  {"lsm", "lsm_cgroup", args = "traced_function", prefix = "bpf_lsm_"},
  {"kprobe", "kprobe.multi", args = "registers", by_prototype = true},
  {"kretprobe", "kretprobe.multi", args = "registers", by_prototype = true, returns = true},
  {"kprobe.session", args = "registers", by_prototype = true, returns = true, both = true},
  {"ksyscall", args = "system_call", space = "user"},
  {"kretsyscall", args = "system_call", returns = true},
  {"usdt", args = "usdt", space = "user"},
  {"uprobe", "uprobe.multi", args = "registers", space = "user"},
  {"uretprobe", "uretprobe.multi", args = "registers", space = "user", returns = true},
  {"uprobe.session", args = "registers", space = "user", returns = true, both = true},
  {"iter", args = "iterator"},
  {"perf_event", "profile", "software", "hardware", context = "bpf_perf_event_data"},
  {"BEGIN", "END", "interval", "raw"},
  {"syscall"},
  {"xdp", "xdp.frags", context = "xdp_md", default = 2, enum = "xdp_action",
    packet = {data = 0, data_end = 4}},
  {"tc", "tcx", "classifier", "netkit", "action", context = "__sk_buff", default = -1,
    packet = {data = 76, data_end = 80},
    constants = {TC_ACT_UNSPEC = -1, TC_ACT_OK = 0, TC_ACT_RECLASSIFY = 1, TC_ACT_SHOT = 2,
      TC_ACT_PIPE = 3, TC_ACT_STOLEN = 4, TC_ACT_REDIRECT = 7}},
  {"cgroup_skb", context = "__sk_buff", default = 1, packet = {data = 76, data_end = 80}},
  {"socket", context = "__sk_buff"},
  {"cgroup/sock", "cgroup/sock_create", "cgroup/sock_release", "cgroup/post_bind4",
    "cgroup/post_bind6", context = "bpf_sock", default = 1},
  {"cgroup/bind4", "cgroup/bind6", "cgroup/connect4", "cgroup/connect6", "cgroup/sendmsg4",
    "cgroup/sendmsg6", "cgroup/recvmsg4", "cgroup/recvmsg6", "cgroup/getpeername4",
    "cgroup/getpeername6", "cgroup/getsockname4", "cgroup/getsockname6", context = "bpf_sock_addr",
    default = 1},
  {"cgroup/dev", context = "bpf_cgroup_dev_ctx", default = 1},
  {"cgroup/sysctl", context = "bpf_sysctl", default = 1},
  {"sockops", context = "bpf_sock_ops", default = 1},
  {"sk_lookup", context = "bpf_sk_lookup", default = 1},
}

local by_prefix, prefixes = {}, {}
for _, kind in ipairs(kinds) do
  for _, prefix in ipairs(kind) do
    by_prefix[prefix] = kind
    prefixes[#prefixes + 1] = prefix
  end
end

-- The longest prefix of the section that is a kind; with ".s", and the part after the slash.
local function find(section)
  local start, rest = section:match "^([^/]+)/?(.*)$"
  if not start then
    return nil
  end
  if start == "cgroup" then
    local second = rest:match "^[^/]+" or ""
    return by_prefix["cgroup/" .. second], nil
  end
  local kind = by_prefix[start] or by_prefix[start:gsub("%.s$", "")]
    or by_prefix[start:gsub("%+$", "")]
  return kind, rest ~= "" and rest or nil
end

local probes = {}

--- The probe of a section's name.
-- @param section
-- @param env `kernel`, `options`
-- @param name ?how programs call it
-- @return a probe: section, name, target, kernel, arguments (by name), retval, context, packet,
-- space, default, and `constants`, by name
function probes.new(section, env, name)
  local kind, target = find(section)
  if not kind then
    source.fail_plainly("no kind of probe is called '%s'%s", section,
      near.hint(section:match "^[^/]*", prefixes))
  end
  local probe = {
    section = section, name = name or section, target = target, kernel = env.kernel,
    options = env.options,
    arch = env.options.arch, arguments = {}, context = kind.context, packet = kind.packet,
    space = kind.space, default = kind.default, constants = {},
  }
  arguments[kind.args or "none"](probe, kind)
  for constant, value in pairs(kind.constants or {}) do
    probe.constants[constant] = value
  end
  local enum = kind.enum and env.kernel and env.kernel:find(kind.enum, "enum")
  for _, e in ipairs(enum and env.kernel:type(enum).values or {}) do
    probe.constants[e.name] = e.value
  end
  return probe
end

return probes
