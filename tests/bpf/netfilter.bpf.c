/* A netfilter program that drops what goes to port 7001: libbpf 1.3, kernel 6.4. */
#include "net.h"
#include <linux/netfilter.h>

char LICENSE[] SEC("license") = "GPL"; /* what bpf_probe_read_kernel() wants */

/* The kernel's, as far as they are used. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sk_buff {
	unsigned char *data;
};
struct bpf_nf_ctx {
	struct sk_buff *skb;
};
#pragma clang attribute pop

SEC("netfilter") int nf_drops(struct bpf_nf_ctx *ctx)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
	} packet;
	struct sk_buff *skb = ctx->skb;

	if (bpf_probe_read_kernel(&packet, sizeof(packet), skb->data))
		return NF_ACCEPT;
	return packet.ip.protocol == IPPROTO_UDP && packet.udp.dest == bpf_htons(DROPPED)
		       ? NF_DROP
		       : NF_ACCEPT;
}
