/* What programs are started, and how long tasks wait for a processor. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SLOTS 32

struct command {
	char comm[16];
};

struct latency {
	__u64 total; /* nanoseconds */
	__u64 slots[SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct command);
	__type(value, __u64);
} execs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} woken SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct latency);
} run_queue SEC(".maps");

/* As the tracepoints' format files say. */
struct wakeup {
	__u64 common;
	char comm[16];
	__u32 pid;
};

struct sched_switch {
	__u64 common;
	char prev_comm[16];
	__u32 prev_pid, prev_prio;
	__u64 prev_state;
	char next_comm[16];
	__u32 next_pid;
};

static __always_inline __u32 log2(__u64 n)
{
	__u32 slot = 0;

	for (int shift = 32; shift > 0; shift >>= 1)
		if (n >> shift) {
			n >>= shift;
			slot += shift;
		}
	return slot < SLOTS ? slot : SLOTS - 1;
}

SEC("tp/sched/sched_wakeup") int on_wakeup(struct wakeup *ctx)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 pid = ctx->pid;

	bpf_map_update_elem(&woken, &pid, &now, BPF_ANY);
	return 0;
}

SEC("tp/sched/sched_switch") int on_switch(struct sched_switch *ctx)
{
	__u32 pid = ctx->next_pid, zero = 0;
	__u64 *since = bpf_map_lookup_elem(&woken, &pid), waited;
	struct latency *latency = bpf_map_lookup_elem(&run_queue, &zero);

	if (!since || !latency)
		return 0;
	waited = bpf_ktime_get_ns() - *since;
	bpf_map_delete_elem(&woken, &pid);
	latency->total += waited;
	latency->slots[log2(waited) & (SLOTS - 1)]++;
	return 0;
}

SEC("tp/sched/sched_process_exec") int on_exec(void *ctx)
{
	struct command command = {0};
	__u64 one = 1, *n;

	bpf_get_current_comm(command.comm, sizeof(command.comm));
	n = bpf_map_lookup_elem(&execs, &command);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&execs, &command, &one, BPF_NOEXIST);
	return 0;
}
