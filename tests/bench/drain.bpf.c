/* Fills a ring in one go, so that draining alone can be timed. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "fill.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The peers write these where .bss begins. */
struct state state;

/* So that BTF has the type. */
const struct event *unused __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20); /* room for 340 thousand */
} ring SEC(".maps");

static long send(__u32 i, void *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);

	if (!e) {
		state.lost++;
		return 0;
	}
	fill(e, i);
	bpf_ringbuf_submit(e, 0);
	state.made++;
	return 0;
}

SEC("syscall") int produce(void *ctx)
{
	bpf_loop(state.count, send, 0, 0);
	return 0;
}
