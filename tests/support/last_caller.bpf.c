/* compile_c_spec compiles this: the headers are those that lbpf.compile() makes. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct event {
	u32 pid;
	char comm[TASK_COMM_LEN];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct event);
} last SEC(".maps");
SEC("raw_tp/sys_enter") int enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct event *event = bpf_map_lookup_elem(&last, &(u32){0});

	if (event) {
		event->pid = BPF_CORE_READ(task, tgid);
		BPF_CORE_READ_STR_INTO(&event->comm, task, comm);
	}
	return 0;
}
