/* Events whose types are not in BTF, for only code uses them: of one length, shorter
 * than their type, with an array that has no length, and longer than their type.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct exec {
	__u32 pid, size;
	char comm[16];
	char args[256];
};

struct line {
	__u32 pid;
	__u16 length;
	char data[];
};

struct list {
	__u16 n;
	__u32 items[];
};

struct small {
	__u64 ns;
	__u32 pid;
};

struct tight {
	__u64 ns;
	__u32 pid;
	__u8 x;
} __attribute__((packed));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(key_size, 8);
	__uint(value_size, 24);
} sized SEC(".maps");

enum { EXEC = 1, LINE, SMALL, TIGHT, LIST, NOTHING };

static char buffer[512];
int what, extra;

static void send_exec(void)
{
	struct exec *e = (void *)buffer;

	e->pid = 11;
	e->size = 5;
	__builtin_memcpy(e->comm, "abc", 4);
	__builtin_memcpy(e->args, "a\0bc\0", 6);
	bpf_ringbuf_output(&ring, buffer, 24 + (extra & 255), 0);
}

static void send_line(void)
{
	struct line *e = (void *)buffer;

	e->pid = 22;
	e->length = 5;
	__builtin_memcpy(e->data, "he\0lo!", 7);
	bpf_ringbuf_output(&ring, buffer, 6 + (extra & 63), 0);
}

static void send_list(void)
{
	struct list *e = (void *)buffer;

	e->n = 3;
	e->items[0] = 7;
	e->items[1] = 8;
	e->items[2] = 9;
	e->items[3] = 10;
	bpf_ringbuf_output(&ring, buffer, 4 + (extra & 63), 0);
}

SEC("raw_tp") int emit(void *ctx)
{
	struct small small = {1, 2};
	struct tight tight = {1, 2, 3};

	if (what == EXEC)
		send_exec();
	else if (what == LINE)
		send_line();
	else if (what == LIST)
		send_list();
	else if (what == SMALL)
		bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, &small, sizeof(small));
	else if (what == TIGHT)
		bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, &tight, sizeof(tight));
	else if (what == NOTHING)
		bpf_ringbuf_output(&ring, buffer, 0, 0);
	return 0;
}
