/* Its map is not the one that is pinned. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, __u64);
} guard_blocked SEC(".maps");

SEC("xdp") int guard(struct xdp_md *ctx)
{
	__u64 key = 0;

	return bpf_map_lookup_elem(&guard_blocked, &key) ? XDP_DROP : XDP_PASS;
}
