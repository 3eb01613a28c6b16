/* Each run of a program reports an event, to a ring or a perf buffer; `n` counts them. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum outcome { ALLOWED, DENIED };

struct opened {
	__u32 kind; /* 1 */
	__u32 pid;
	__u64 time;
	char comm[16];
	enum outcome outcome;
	__u16 mode : 12;
	struct {
		__s32 x, y;
	} at[2];
};

struct closed {
	__u32 kind; /* 2 */
	__s64 result;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} mixed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");

__u64 n;
__u64 events_lost; /* how many events the ring `events` had no room for */
struct closed order;
char sample[64]; /* what send_sample() sends, and how much of it */
__u32 sample_size;
const volatile char comms[2][16] = {"even, 15 chars.", "odd"};

/* So that BTF has the types. */
struct opened *opened_type;

static inline void fill(struct opened *e)
{
	n++;
	__builtin_memset(e, 0, sizeof(*e));
	e->kind = 1;
	e->pid = n;
	e->time = 0xfedcba9800000000ULL + n;
	for (int i = 0; i < 16; i++)
		e->comm[i] = comms[n % 2][i];
	e->outcome = n % 2 ? ALLOWED : DENIED;
	e->mode = 0644;
	e->at[0].x = -n;
	e->at[1].y = 2 * n;
}

SEC("raw_tp/sys_enter") int send(void *ctx)
{
	struct opened e;

	fill(&e);
	if (bpf_ringbuf_output(&events, &e, sizeof(e), 0))
		events_lost++;
	return 0;
}

SEC("raw_tp/sys_enter") int send_mixed(void *ctx)
{
	struct closed c = {2, -1};
	struct opened e;

	fill(&e);
	if (n % 3 == 1)
		bpf_ringbuf_output(&mixed, &e, sizeof(e), 0);
	else if (n % 3 == 2)
		bpf_ringbuf_output(&mixed, &c, sizeof(c), 0);
	else
		bpf_ringbuf_output(&mixed, "?", 1, 0);
	return 0;
}

SEC("raw_tp/sys_enter") int send_sample(void *ctx)
{
	__u32 size = sample_size;

	if (size <= sizeof(sample))
		bpf_ringbuf_output(&mixed, sample, size, 0);
	return 0;
}

SEC("raw_tp/sys_enter") int send_perf(struct bpf_raw_tracepoint_args *ctx)
{
	struct opened e;

	fill(&e);
	bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, &e, sizeof(e));
	return 0;
}
