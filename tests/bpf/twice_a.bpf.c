/* Of two files that are linked: both have a structure and a variable of the same name. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct event {
	__u64 ns;
	__u32 pid;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring_a SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct event);
} hash_a SEC(".maps");

static volatile int level = 1;

SEC("raw_tp") int report_a(void *ctx)
{
	struct event e = {1000, 42, "aaa"};
	__u32 key = 1;

	level += 10;
	bpf_map_update_elem(&hash_a, &key, &e, 0);
	return bpf_ringbuf_output(&ring_a, &e, sizeof(e), 0);
}
