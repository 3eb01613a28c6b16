/* Programs to be run on given input, and counted. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <linux/pkt_cls.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

/* Swaps the two addresses of an Ethernet frame, and puts two bytes before it. */
SEC("xdp")
int swap_and_grow(struct xdp_md *ctx)
{
	__u8 *data, *end;

	if (bpf_xdp_adjust_head(ctx, -2))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + 14 > end)
		return XDP_ABORTED;
	data[0] = 0xab;
	data[1] = 0xcd;
	for (int i = 2; i < 8; i++) {
		__u8 byte = data[i];

		data[i] = data[i + 6];
		data[i + 6] = byte;
	}
	return XDP_TX;
}

/* Marks the packet with what its cb[0] was. */
SEC("tc")
int mark(struct __sk_buff *skb)
{
	skb->mark = skb->cb[0] + 1;
	return TC_ACT_SHOT;
}

/* Counts how often it ran. */
SEC("socket")
int count(struct __sk_buff *skb)
{
	__u32 key = 1;
	__u64 one = 1, *n = bpf_map_lookup_elem(&counts, &key);

	(void)skb;
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
