/* A process that calls rename() gets the events that `order` says into perf buffers. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "rename.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct order {
	__u32 pid, events, size;
	__u32 key; /* of the map; that of the CPU if it is KEY_OF_CPU */
};

#define KEY_OF_CPU 0xffffffff
#define LARGEST    1024
#define MANY       1024

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct order);
} order SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

/* What is sent: it starts with the number of events that were tried before it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[LARGEST / 8]);
} event SEC(".maps");

__u64 sent; /* how many there was room for */

SEC("raw_tp/sys_enter") int fill(struct bpf_raw_tracepoint_args *ctx)
{
	volatile struct order *o; /* size is bounded where it is used: older verifiers forget the
				     bound of a spilled one */
	__u32 zero = 0, size;
	__u64 *e, flags;

	if (!is_rename(ctx->args[1]))
		return 0;
	o = bpf_map_lookup_elem(&order, &zero);
	e = bpf_map_lookup_elem(&event, &zero);
	if (!o || !e || o->pid != bpf_get_current_pid_tgid() >> 32)
		return 0;
	flags = o->key == KEY_OF_CPU ? BPF_F_CURRENT_CPU : o->key;
	for (int i = 0; i < MANY && i < o->events; i++) {
		size = o->size;
		if (size > LARGEST)
			size = LARGEST;
		if (!bpf_perf_event_output(ctx, &events, flags, e, size))
			sent++;
		e[0]++;
	}
	return 0;
}
