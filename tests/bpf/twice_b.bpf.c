/* The other of two files that are linked, see twice_a.bpf.c. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct event {
	__u32 saddr, daddr;
	__u16 sport, dport;
	__u32 pad[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct event);
} hash_b SEC(".maps");

static volatile int level = 2;

SEC("raw_tp") int report_b(void *ctx)
{
	struct event e = {0x0a000001, 0x0a000002, 80, 443};
	__u32 key = 1;

	level += 10;
	bpf_map_update_elem(&hash_b, &key, &e, 0);
	return bpf_ringbuf_output(&ring_b, &e, sizeof(e), 0);
}
