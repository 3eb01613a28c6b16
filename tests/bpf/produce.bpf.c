/* Puts as many numbered events into a ring as it is told to, and counts what does not fit. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct event {
	__u64 number;
	char text[32];
};

struct order {
	__u64 first;
	__u32 events, padding;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} produced SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} dropped SEC(".maps");

const struct event *type_of_events __attribute__((unused));

static long send(__u32 i, __u64 *next)
{
	struct event *e = bpf_ringbuf_reserve(&produced, sizeof(*e), 0);
	__u32 zero = 0;
	__u64 *n;

	if (e) {
		e->number = *next;
		__builtin_memset(e->text, 'x', sizeof(e->text));
		bpf_ringbuf_submit(e, 0);
	} else {
		n = bpf_map_lookup_elem(&dropped, &zero);
		if (n)
			__sync_fetch_and_add(n, 1);
	}
	(*next)++;
	return 0;
}

SEC("syscall") int produce(struct order *order)
{
	__u64 next = order->first;

	bpf_loop(order->events, send, &next, 0);
	return 0;
}
