/* What the examples in the reference work with: see tests/kernel/usage_spec.lua. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct event {
	__u32 pid;
	char comm[16];
	__u32 bytes;
};

const struct event *type_of_events __attribute__((unused));

struct flow {
	__u32 address;
	__u16 port;
};

struct counts {
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct flow);
	__type(value, struct counts);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 16);
	__type(value, __u32);
} work SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 1 << 12);
} commands SEC(".maps");

__u32 target_pid = 0;
__u64 dropped = 0;

static int report(void)
{
	struct event event = {.pid = bpf_get_current_pid_tgid() >> 32};

	if (event.pid != target_pid)
		return 0;
	bpf_get_current_comm(event.comm, sizeof(event.comm));
	if (bpf_ringbuf_output(&events, &event, sizeof(event), 0))
		__sync_fetch_and_add(&dropped, 1);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_nanosleep") int enter(void *ctx)
{
	return report();
}

SEC("raw_tracepoint/sys_exit") int leave(void *ctx)
{
	return report();
}

SEC("?tracepoint") int point(void *ctx)
{
	return report();
}

SEC("?raw_tracepoint") int raw(void *ctx)
{
	return report();
}

SEC("?kprobe") int probe(void *ctx)
{
	return report();
}

SEC("?perf_event") int sample(void *ctx)
{
	return report();
}

SEC("?xdp") int drop(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("?kprobe.multi") int multi(void *ctx)
{
	return report();
}

SEC("socket") int filter(struct __sk_buff *skb)
{
	return skb->len;
}
