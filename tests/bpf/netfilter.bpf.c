/* A netfilter program that drops what goes to port 7001: libbpf 1.3, kernel 6.4. */
#include "net.h"

char LICENSE[] SEC("license") = "GPL"; /* what its kernel functions want */

/* The kernel's, as far as they are used. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sk_buff {
	unsigned int len;
};
struct bpf_nf_ctx {
	struct sk_buff *skb;
};
#pragma clang attribute pop

extern int bpf_dynptr_from_skb(struct sk_buff *skb, __u64 flags, struct bpf_dynptr *dynptr) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *dynptr, __u32 offset, void *buffer,
			      __u32 size) __ksym;

SEC("netfilter") int nf_drops(struct bpf_nf_ctx *ctx)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
	} room, *packet;
	struct bpf_dynptr dynptr;

	if (bpf_dynptr_from_skb(ctx->skb, 0, &dynptr))
		return 1;
	packet = bpf_dynptr_slice(&dynptr, 0, &room, sizeof(room));
	return !packet || packet->ip.protocol != IPPROTO_UDP ||
	       packet->udp.dest != bpf_htons(DROPPED);
}
