/* What a loader program can be made of: two maps and a program that uses them. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 42);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

const volatile __u32 limit = 7;

SEC("raw_tp/sys_enter") int count(void *ctx)
{
	__u32 key = limit;
	__u64 one = 1;

	bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
	return 0;
}

SEC("raw_tp/sys_enter") int other(void *ctx)
{
	return 1;
}
