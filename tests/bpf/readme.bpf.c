/* What the examples in README.md and docs/performance.md refer to. */
#include <linux/bpf.h>
#include <linux/ptrace.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct flow {
	__u32 address;
	__u16 port;
	__u16 : 16;
};

struct counts {
	__u64 packets, bytes;
};

struct event {
	__u32 pid;
	__u32 length;
	char comm[16];
	char path[256];
};

const struct event *type_of_events __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow);
	__type(value, struct counts);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} quotas SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, __u32);
} work SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(key_size, 8);
	__uint(value_size, 8);
} starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 64);
	__uint(key_size, 4);
	__uint(value_size, 127 * 8);
} stacks SEC(".maps");

struct latency {
	__u64 total;
	__u32 slots[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct latency);
} run_queue SEC(".maps");

struct command {
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct command);
	__type(value, __u64);
} execs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

__u32 target_pid;
__u64 dropped;
struct {
	__u32 burst;
} limits;
__s32 stack_id;

/* Linux 5.10 takes no BTF of a .rodata without variables, as an array's initializer is. */
const char somewhere[] = "/tmp";

SEC("raw_tp/sys_enter") int enter(void *ctx)
{
	static __u64 calls;
	struct event event = {.pid = bpf_get_current_pid_tgid() >> 32, .length = 4};

	__builtin_memcpy(event.path, somewhere, sizeof(somewhere));
	if (calls++ < limits.burst || event.pid != target_pid)
		return 0;
	stack_id = bpf_get_stackid(ctx, &stacks, 0);
	bpf_get_current_comm(event.comm, sizeof(event.comm));
	dropped += bpf_ringbuf_output(&events, &event, sizeof(event), 0) != 0;
	return 0;
}

SEC("raw_tp/sys_exit") int slow_one(void *ctx)
{
	return 0;
}

SEC("?kprobe") int prog(struct pt_regs *ctx)
{
	return 0;
}

SEC("?kprobe.multi") int multi(struct pt_regs *ctx)
{
	return 0;
}
