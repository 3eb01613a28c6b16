/* Maps whose definitions have sizes in place of types, as those of many tools do. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define SIZED(map_type, entries, key_bytes, value_bytes, name)                                     \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##map_type);                                             \
		__uint(max_entries, entries);                                                      \
		__uint(key_size, key_bytes);                                                       \
		__uint(value_size, value_bytes);                                                   \
	} name SEC(".maps")

SIZED(HASH, 4, 4, 8, hash);
SIZED(ARRAY, 2, 4, 8, array);
SIZED(PERCPU_HASH, 4, 4, 5, per_cpu);
SIZED(PROG_ARRAY, 3, 4, 4, tails);
SIZED(PERF_EVENT_ARRAY, 0, 4, 4, events);
SIZED(CGROUP_ARRAY, 2, 4, 4, cgroups);
SIZED(STACK_TRACE, 16, 4, 8 * 16, stacks);
SIZED(DEVMAP, 4, 4, 4, devices);
SIZED(CPUMAP, 4, 4, 4, cpus);

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_STACK_BUILD_ID);
	__uint(key_size, 4);
	__uint(value_size, 16 * sizeof(struct bpf_stack_build_id));
} files SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 16);
	__type(value, __u32);
} seen SEC(".maps");

long kernel_stack, user_stack;

SEC("raw_tp")
int where(void *ctx)
{
	kernel_stack = bpf_get_stackid(ctx, &stacks, 0);
	user_stack = bpf_get_stackid(ctx, &files, BPF_F_USER_STACK);
	return 0;
}
