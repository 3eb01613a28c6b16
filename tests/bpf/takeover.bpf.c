/* The first version, with a map that the next has no more. */
#include "takeover.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} guard_outdated SEC(".maps");

SEC("xdp") int guard(struct xdp_md *ctx)
{
	return verdict(ctx);
}

/* A link that cannot be updated. */
SEC("raw_tp/sys_enter") int guard_trace(void *ctx)
{
	__u32 zero = 0, *n = bpf_map_lookup_elem(&guard_outdated, &zero);

	if (n)
		__sync_fetch_and_add(n, 1);
	return 0;
}
