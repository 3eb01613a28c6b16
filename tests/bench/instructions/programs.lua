-- Ten programs, in Lua and in C, that do the same: the C, too, counts what is lost. The first
-- parameter of each C program is the context; HEAD comes before it.
local programs = {}

programs.head = [[
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "GPL";

#define HASH(NAME, TYPE, KEY, VALUE) struct { __uint(type, TYPE); __uint(max_entries, 4096); \
	__type(key, KEY); __type(value, VALUE); } NAME SEC(".maps")
#define RING() struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 262144); } \
	events SEC(".maps")

struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 8); __type(key, __u32);
	__type(value, __u64); } problems SEC(".maps");

/* Not inlined: it runs rarely. PLAIN: as most would write it. */
static __noinline void problem(__u32 index)
{
	__u64 *n = bpf_map_lookup_elem(&problems, &index);

	if (n)
		(*n)++;
}
#ifdef PLAIN
#define problem(N) do {} while (0)
#endif

static __always_inline void *entry(void *map, void *key)
{
	void *found = bpf_map_lookup_elem(map, key);
	__u64 zero = 0;

	if (found)
		return found;
	bpf_map_update_elem(map, key, &zero, BPF_NOEXIST);
	found = bpf_map_lookup_elem(map, key);
	if (!found)
		problem(0);
	return found;
}

static __always_inline __s64 bits(__s64 n)
{
	__u64 rest = n;
	__s64 bucket = 1;

	if (n <= 0)
		return n < 0 ? -1 : 0;
	if (rest >> 32) { bucket += 32; rest >>= 32; }
	if (rest >> 16) { bucket += 16; rest >>= 16; }
	if (rest >> 8) { bucket += 8; rest >>= 8; }
	if (rest >> 4) { bucket += 4; rest >>= 4; }
	if (rest >> 2) { bucket += 2; rest >>= 2; }
	if (rest >> 1) { bucket += 1; rest >>= 1; }
	return bucket;
}
]]

-- SECTION may be a list of pairs, SEC() name and LUA.
local function add(name, section, lua, c)
  programs[#programs + 1] = {name = name, lua = type(section) == "table" and section
    or {{section, lua}}, c = c}
end

add("system calls by process", "tp/raw_syscalls/sys_enter", [[ count("calls", comm) ]], [[
struct key { char comm[16]; };
HASH(calls, BPF_MAP_TYPE_PERCPU_HASH, struct key, __u64);
SEC("tp/raw_syscalls/sys_enter") int program(void *ctx)
{
	struct key key;
	__u64 *n;

	bpf_get_current_comm(&key, sizeof(key));
	n = entry(&calls, &key);
	if (n)
		(*n)++;
	return 0;
}
]])

add("sizes of reads by process", "tp/syscalls/sys_exit_read",
  [[ if args.ret > 0 then hist("bytes", args.ret, comm) end ]], [[
struct key { char comm[16]; __s64 bucket; };
HASH(bytes, BPF_MAP_TYPE_PERCPU_HASH, struct key, __u64);
SEC("tp/syscalls/sys_exit_read") int program(struct trace_event_raw_sys_exit *ctx)
{
	struct key key;
	__u64 *n;

	if (ctx->ret <= 0)
		return 0;
	key.bucket = bits(ctx->ret);
	bpf_get_current_comm(key.comm, sizeof(key.comm));
	n = entry(&bytes, &key);
	if (n)
		(*n)++;
	return 0;
}
]])

add("sizes of reads, in steps", "tp/syscalls/sys_exit_read",
  [[ if args.ret > 0 then lhist("bytes", args.ret, 0, 2000, 200) end ]], [[
struct key { __s64 bucket; };
HASH(bytes, BPF_MAP_TYPE_PERCPU_HASH, struct key, __u64);
SEC("tp/syscalls/sys_exit_read") int program(struct trace_event_raw_sys_exit *ctx)
{
	struct key key;
	__u64 *n;

	if (ctx->ret <= 0)
		return 0;
	key.bucket = ctx->ret >= 2000 ? 10 : (__u64)ctx->ret / 200;
	n = entry(&bytes, &key);
	if (n)
		(*n)++;
	return 0;
}
]])

add("files being opened", "tp/syscalls/sys_enter_openat",
  [[ print(pid, comm, str(args.filename)) ]], [[
struct event { __u32 id, pad; __s64 pid; char comm[16], name[64]; };
RING();
SEC("tp/syscalls/sys_enter_openat") int program(struct trace_event_raw_sys_enter *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		problem(0);
		return 0;
	}
	e->id = 1;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_probe_read_user_str(e->name, sizeof(e->name), (void *)ctx->args[1]);
	bpf_ringbuf_submit(e, 0);
	return 0;
}
]])

add("programs being started", "tp/sched/sched_process_exec",
  [[ print(pid, curtask.real_parent.comm, str(args.filename)) ]], [[
struct event { __u32 id, pad; __s64 pid; char comm[16], name[64]; };
RING();
SEC("tp/sched/sched_process_exec")
int program(struct trace_event_raw_sched_process_exec *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	struct task_struct *task, *parent;

	if (!e) {
		problem(0);
		return 0;
	}
	e->id = 1;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	task = bpf_get_current_task_btf();
	parent = task->real_parent;
	if (!parent) {
		problem(1);
		bpf_ringbuf_discard(e, 0);
		return 0;
	}
	bpf_probe_read_kernel_str(e->comm, sizeof(e->comm), parent->comm);
	bpf_probe_read_kernel_str(e->name, sizeof(e->name),
		(void *)ctx + (ctx->__data_loc_filename & 0xffff));
	bpf_ringbuf_submit(e, 0);
	return 0;
}
]])

-- The program of two of them: the time when a task was woken.
local WAKEUP = [[
HASH(woken, BPF_MAP_TYPE_HASH, __s64, __s64);
SEC("raw_tp/sched_wakeup") int program(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *p = (void *)ctx->args[0];
	__s64 key, now;
	int pid;

	if (bpf_core_read(&pid, sizeof(pid), &p->pid)) {
		problem(0);
		return 0;
	}
	key = pid;
	now = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&woken, &key, &now, BPF_ANY))
		problem(1);
	return 0;
}
]]

add("when a task is woken", "raw_tp/sched_wakeup", [[ woken[args.p.pid] = nsecs ]], WAKEUP)

add("how long a task waits", {
  {"raw_tp/sched_wakeup", [[ woken[args.p.pid] = nsecs ]]},
  {"raw_tp/sched_switch", [[
    local since = woken[args.next.pid]
    if since then
      hist("us", (nsecs - since) // 1000)
      woken[args.next.pid] = nil
    end ]]},
}, nil, WAKEUP .. [[
HASH(us, BPF_MAP_TYPE_PERCPU_HASH, __s64, __u64);
SEC("raw_tp/sched_switch") int second(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *next = (void *)ctx->args[2];
	__s64 key, bucket, *since;
	__u64 *n;
	int pid;

	if (bpf_core_read(&pid, sizeof(pid), &next->pid)) {
		problem(0);
		return 0;
	}
	key = pid;
	since = bpf_map_lookup_elem(&woken, &key);
	if (!since)
		return 0;
	bucket = bits((bpf_ktime_get_ns() - *since) / 1000);
	n = entry(&us, &bucket);
	if (n)
		(*n)++;
	bpf_map_delete_elem(&woken, &key);
	return 0;
}
]])

add("bytes written by process, if many", "tp/syscalls/sys_enter_write", [[
    if args.count >= 4096 and comm ~= "rsync" then sum("bytes", args.count, pid) end ]], [[
HASH(bytes, BPF_MAP_TYPE_PERCPU_HASH, __s64, __u64);
SEC("tp/syscalls/sys_enter_write") int program(struct trace_event_raw_sys_enter *ctx)
{
	__s64 key, *n;
	char comm[16];

	if ((__s64)ctx->args[2] < 4096)
		return 0;
	bpf_get_current_comm(comm, sizeof(comm));
	if (comm[0] == 'r' && comm[1] == 's' && comm[2] == 'y' && comm[3] == 'n' && comm[4] == 'c' &&
	    comm[5] == 0)
		return 0;
	key = bpf_get_current_pid_tgid() >> 32;
	n = entry(&bytes, &key);
	if (n)
		*n += ctx->args[2];
	return 0;
}
]])

add("arithmetic in a loop", "raw_tp/sched_wakeup", [[
    local a, b = pid, 0
    for i = 1, 12 do
      b = b + (a % 7 * i ~ a >> 3)
      if b > 1000 then b = b - 1000 end
      a = a + b
    end
    m[1] = b ]], [[
HASH(m, BPF_MAP_TYPE_HASH, __s64, __s64);
SEC("raw_tp/sched_wakeup") int program(void *ctx)
{
	__s64 a = bpf_get_current_pid_tgid() >> 32, b = 0, key = 1, rest;

#pragma clang loop unroll(disable)
	for (__s64 i = 1; i <= 12; i++) {
		/* a % 7 with floor, for this clang has no signed division */
		rest = a < 0 ? 6 - ~a % 7ull : a % 7ull;
		b += rest * i ^ (__u64)a >> 3;
		if (b > 1000)
			b -= 1000;
		a += b;
	}
	if (bpf_map_update_elem(&m, &key, &b, BPF_ANY))
		problem(0);
	return 0;
}
]])

add("packets by protocol", "xdp", [[
    local eth = packet("struct ethhdr")
    if eth and eth.h_proto == htons(0x0800) then
      local ip = packet("struct iphdr", 14)
      if ip then
        count("packets", ip.protocol)
        if ip.protocol == 1 and ip.ttl < 5 then return XDP_DROP end
      end
    end ]], [[
HASH(packets, BPF_MAP_TYPE_PERCPU_HASH, __s64, __u64);
SEC("xdp") int program(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + 14;
	__s64 key;
	__u64 *n;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(0x0800) || (void *)(ip + 1) > end)
		return XDP_PASS;
	key = ip->protocol;
	n = entry(&packets, &key);
	if (n)
		(*n)++;
	if (ip->protocol == 1 && ip->ttl < 5)
		return XDP_DROP;
	return XDP_PASS;
}
]])

return programs
