/* Fills a hash map in one go, so that reading it alone can be timed. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "fill.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct state state;
__u32 number = 7;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 20);
	__type(key, __u32);
	__type(value, struct event);
} table SEC(".maps");

/* Counts, as most maps hold them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 20);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static long put(__u32 i, void *ctx)
{
	struct event e;

	fill(&e, i);
	bpf_map_update_elem(&table, &i, &e, BPF_ANY);
	bpf_map_update_elem(&counts, &i, &e.cookie, BPF_ANY);
	state.made++;
	return 0;
}

SEC("syscall") int produce(void *ctx)
{
	bpf_loop(state.count, put, 0, 0);
	return 0;
}
