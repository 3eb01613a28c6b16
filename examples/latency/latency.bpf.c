/* When the packets of each request and response pass, by the clock of the kernel. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SLOTS 40

const volatile __u16 port = 8080; /* on which nginx listens */

/* The client's; an IPv4 address as ::ffff:a.b.c.d */
struct client {
	__u8 address[16];
	__u32 port;
};

struct flow {
	__u64 request;  /* its first bytes have arrived */
	__u64 response; /* its first bytes were sent, or 0 */
	__u64 last;     /* ... its last, so far */
	__u32 end;      /* the sequence number after these */
	__u32 acknowledged;
};

struct histogram {
	__u64 slots[SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct client);
	__type(value, struct flow);
} flows SEC(".maps");

/* From the last byte that was sent until all are acknowledged. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct histogram);
} network SEC(".maps");

struct segment {
	struct client client;
	__u32 seq, ack, payload;
	__u16 source, dest;
};

static __always_inline int read_segment(struct __sk_buff *skb, struct segment *s, int incoming)
{
	struct iphdr ip;
	struct ipv6hdr ip6;
	struct tcphdr tcp;
	__u32 at;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.protocol != IPPROTO_TCP)
			return 0;
		at = ip.ihl * 4;
		s->client.address[10] = s->client.address[11] = 0xff;
		__builtin_memcpy(s->client.address + 12, incoming ? &ip.saddr : &ip.daddr, 4);
	} else {
		if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
		    bpf_skb_load_bytes(skb, 0, &ip6, sizeof(ip6)) || ip6.nexthdr != IPPROTO_TCP)
			return 0;
		at = sizeof(ip6);
		__builtin_memcpy(s->client.address, incoming ? &ip6.saddr : &ip6.daddr, 16);
	}
	if (bpf_skb_load_bytes(skb, at, &tcp, sizeof(tcp)))
		return 0;
	s->source = bpf_ntohs(tcp.source);
	s->dest = bpf_ntohs(tcp.dest);
	s->client.port = incoming ? s->source : s->dest;
	s->seq = bpf_ntohl(tcp.seq);
	s->ack = bpf_ntohl(tcp.ack_seq);
	s->payload = skb->len - at - tcp.doff * 4;
	return 1;
}

static __always_inline void count(__u64 nanoseconds)
{
	__u32 zero = 0, slot = 0;
	struct histogram *h = bpf_map_lookup_elem(&network, &zero);

	for (int shift = 32; shift > 0; shift >>= 1)
		if (nanoseconds >> shift) {
			nanoseconds >>= shift;
			slot += shift;
		}
	if (h && slot < SLOTS)
		h->slots[slot]++;
}

SEC("cgroup_skb/ingress") int arrives(struct __sk_buff *skb)
{
	__u64 now = bpf_ktime_get_ns();
	struct segment s = {0};
	struct flow *flow, new = {.request = now};

	if (!read_segment(skb, &s, 1) || s.dest != port)
		return 1;
	flow = bpf_map_lookup_elem(&flows, &s.client);
	if (flow && flow->response && !flow->acknowledged && (__s32)(s.ack - flow->end) >= 0) {
		flow->acknowledged = 1;
		count(now - flow->last);
	}
	if (s.payload && (!flow || flow->response))
		bpf_map_update_elem(&flows, &s.client, &new, BPF_ANY);
	return 1;
}

SEC("cgroup_skb/egress") int leaves(struct __sk_buff *skb)
{
	__u64 now = bpf_ktime_get_ns();
	struct segment s = {0};
	struct flow *flow;

	if (!read_segment(skb, &s, 0) || s.source != port || !s.payload)
		return 1;
	flow = bpf_map_lookup_elem(&flows, &s.client);
	if (!flow)
		return 1;
	if (!flow->response)
		flow->response = now;
	flow->last = now;
	flow->end = s.seq + s.payload;
	flow->acknowledged = 0;
	return 1;
}
