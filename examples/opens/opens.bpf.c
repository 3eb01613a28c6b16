/* Files being opened: what openat() was asked for, what came of it, and how long it took. */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* What the tracepoints syscalls:sys_enter_* and sys_exit_* hand over. */
struct sys_enter {
	__u64 common;
	long nr;
	unsigned long args[6];
};

struct sys_exit {
	__u64 common;
	long nr;
	long ret;
};

struct start {
	__u64 time;
	const char *file;
};

struct event {
	__u32 pid;
	__s32 ret;
	__u64 nanoseconds;
	char comm[16];
	char file[128];
};

/* So that BTF has the type, which the script decodes by. */
const struct event *unused __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct start);
} started SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

SEC("syscall/openat") int enter(struct sys_enter *ctx)
{
	__u32 thread = bpf_get_current_pid_tgid();
	struct start start = {bpf_ktime_get_ns(), (const char *)ctx->args[1]};

	bpf_map_update_elem(&started, &thread, &start, BPF_ANY);
	return 0;
}

SEC("syscall.exit/openat") int leave(struct sys_exit *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 thread = id;
	struct start *start = bpf_map_lookup_elem(&started, &thread);
	struct event *e;

	if (!start)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e) {
		e->pid = id >> 32;
		e->ret = ctx->ret;
		e->nanoseconds = bpf_ktime_get_ns() - start->time;
		bpf_get_current_comm(e->comm, sizeof(e->comm));
		if (bpf_probe_read_user_str(e->file, sizeof(e->file), start->file) < 0)
			__builtin_memcpy(e->file, "?", 2);
		bpf_ringbuf_submit(e, 0);
	}
	bpf_map_delete_elem(&started, &thread);
	return 0;
}
