/* Two versions of a program that counts the packets to port 7001, and drops those that blocked
 * addresses send. Others, such as the end of a TCP connection, come at any time and do not count.
 */
#ifndef TAKEOVER_H
#define TAKEOVER_H

#include "net.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4); /* the first versions, one each */
	__type(key, __u32);
	__type(value, __u64);
} guard_seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} guard_blocked SEC(".maps");

const volatile __u32 version;

static inline int verdict(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	__u32 v = version;
	__u64 *n = bpf_map_lookup_elem(&guard_seen, &v);

	if (!is_dropped(data, end) || (void *)(ip + 1) > end)
		return XDP_PASS;
	if (n)
		__sync_fetch_and_add(n, 1);
	return bpf_map_lookup_elem(&guard_blocked, &ip->saddr) ? XDP_DROP : XDP_PASS;
}

#endif
