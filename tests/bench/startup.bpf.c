/* An object of middling size: a dozen programs, with maps and variables. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 only = 0;
__u64 seen;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct event);
} started SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} ring SEC(".maps");

static inline __u32 log2(__u64 n)
{
	__u32 log = 0;

	for (int i = 5; i >= 0; i--) {
		__u32 step = (n >> (1 << i) != 0) << i;

		n >>= step;
		log += step;
	}
	return log;
}

/* What a tracer's program does: time from a first event to a second, a histogram, an event. */
static inline int trace(__u32 which)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32, slot;
	struct event first = {.pid = pid, .ts = bpf_ktime_get_ns()}, *start, *e;
	__u64 delta, *count;

	if (pid != only)
		return 0;
	seen++;
	start = bpf_map_lookup_elem(&started, &pid);
	if (!start) {
		bpf_get_current_comm(first.comm, sizeof(first.comm));
		bpf_map_update_elem(&started, &pid, &first, BPF_ANY);
		return 0;
	}
	delta = first.ts - start->ts;
	slot = log2(delta);
	count = bpf_map_lookup_elem(&slots, &slot);
	if (count)
		++*count;
	e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	if (e) {
		*e = *start;
		e->cookie = delta + which;
		bpf_ringbuf_submit(e, 0);
	}
	bpf_map_delete_elem(&started, &pid);
	return 0;
}

/* All on one tracepoint that seldom fires: to patch the code of many would drown the rest. */
#define PROGRAM(which)                                                                             \
	SEC("raw_tp/task_rename") int on_rename_##which(void *ctx)                                 \
	{                                                                                          \
		return trace(which);                                                               \
	}

PROGRAM(1)
PROGRAM(2)
PROGRAM(3)
PROGRAM(4)
PROGRAM(5)
PROGRAM(6)
PROGRAM(7)
PROGRAM(8)
PROGRAM(9)
PROGRAM(10)
PROGRAM(11)
PROGRAM(12)
