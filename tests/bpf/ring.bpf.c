/* A process that calls rename() gets the events that `order` says into a ring buffer. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "rename.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define LARGE (64 << 10)
#define MANY  1024

struct order {
	__u32 pid, events, second, large; /* counts; in `second`, of the second map */
	__u32 discards;                   /* discard an event after each but the large ones */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct order);
} order SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} first SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} second SEC(".maps");

/* Each event has the number of those before it, and what looks like the header of a sample that
 * is larger than any: whoever reads from there has lost its place.
 */
struct event {
	__u64 number;
	__u32 garbage, zero;
};

/* So that BTF has the type. */
struct event *event_type;

__u64 number;

static inline void send(void *ring, const struct order *o)
{
	struct event e = {number++, 0x3ffffff0}, *discarded;

	bpf_ringbuf_output(ring, &e, sizeof(e), 0);
	if (!o->discards)
		return;
	discarded = bpf_ringbuf_reserve(ring, sizeof(*discarded), 0);
	if (discarded)
		bpf_ringbuf_discard(discarded, 0);
}

static inline void send_large(void)
{
	__u64 *sample = bpf_ringbuf_reserve(&first, LARGE, 0);

	if (!sample)
		return;
	sample[0] = number++;
	sample[LARGE / sizeof(*sample) - 1] = sample[0];
	bpf_ringbuf_submit(sample, 0);
}

SEC("raw_tp/sys_enter") int fill(struct bpf_raw_tracepoint_args *ctx)
{
	struct order *o;
	__u32 zero = 0;

	if (!is_rename(ctx->args[1]))
		return 0;
	o = bpf_map_lookup_elem(&order, &zero);
	if (!o || o->pid != bpf_get_current_pid_tgid() >> 32)
		return 0;
	for (int i = 0; i < MANY && i < o->events; i++)
		send(&first, o);
	for (int i = 0; i < 16 && i < o->second; i++)
		send(&second, o);
	for (int i = 0; i < 8 && i < o->large; i++)
		send_large();
	return 0;
}
