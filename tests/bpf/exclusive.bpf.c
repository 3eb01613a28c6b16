/* A map, and two programs that use it. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} secret SEC(".maps");

SEC("socket") int holder(void *ctx)
{
	__u32 key = 0, value = 42;

	return bpf_map_update_elem(&secret, &key, &value, BPF_ANY);
}

SEC("?socket") int thief(void *ctx)
{
	__u32 key = 0, *value = bpf_map_lookup_elem(&secret, &key);

	return value ? *value : 0;
}
