/* Counts the ticks of a clock whose period its SEC() names. */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} ticks SEC(".maps");

SEC("every/10ms") int tick(void *ctx)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&ticks, &zero);

	if (n)
		(*n)++;
	return 0;
}
