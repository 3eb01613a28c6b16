/* What the verifier refuses: a value that may be NULL is read. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

SEC("socket") int rejected(struct __sk_buff *skb)
{
	__u32 key = 1, sum = 0;
	__u64 *value;

	/* the verifier's log grows longer than an error message shows of it */
#pragma clang loop unroll(full)
	for (int i = 0; i < 90; i++)
		sum += *(volatile __u32 *)&skb->len;
	value = bpf_map_lookup_elem(&counts, &key);
	return sum + *value;
}
