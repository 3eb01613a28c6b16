/* Drops what banned addresses send, as soon as it arrives. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* IPv6; an IPv4 address as ::ffff:a.b.c.d */
struct address {
	__u8 bytes[16];
};

struct ban {
	__u64 expires; /* seconds since the machine started */
	__u64 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct address);
	__type(value, struct ban);
} banned SEC(".maps");

/* Packets that passed, and that were dropped. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} packets SEC(".maps");

static inline int read_source(void *data, void *end, struct address *source)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct ipv6hdr *ip6 = data + sizeof(*eth);

	if ((void *)(eth + 1) > end)
		return 0;
	if (eth->h_proto == bpf_htons(ETH_P_IP) && (void *)(ip + 1) <= end) {
		source->bytes[10] = source->bytes[11] = 0xff;
		__builtin_memcpy(source->bytes + 12, &ip->saddr, 4);
		return 1;
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6) && (void *)(ip6 + 1) <= end) {
		__builtin_memcpy(source, &ip6->saddr, sizeof(*source));
		return 1;
	}
	return 0;
}

static inline int is_banned(struct xdp_md *ctx)
{
	struct address source = {0};
	struct ban *ban;

	if (!read_source((void *)(long)ctx->data, (void *)(long)ctx->data_end, &source))
		return 0;
	ban = bpf_map_lookup_elem(&banned, &source);
	if (!ban)
		return 0;
	if (ban->expires <= bpf_ktime_get_ns() / 1000000000) {
		bpf_map_delete_elem(&banned, &source);
		return 0;
	}
	__sync_fetch_and_add(&ban->dropped, 1);
	return 1;
}

SEC("xdp") int filter(struct xdp_md *ctx)
{
	__u32 drop = is_banned(ctx);
	__u64 *n = bpf_map_lookup_elem(&packets, &drop);

	if (n)
		(*n)++;
	return drop ? XDP_DROP : XDP_PASS;
}
