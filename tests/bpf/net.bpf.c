/* Programs that drop what goes to port 7001, wherever packets and sockets pass. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define DROPPED 7001

/* Is what lies between DATA and END a UDP packet to the port? */
static __always_inline int is_dropped(void *data, void *end)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);

	return (void *)(udp + 1) <= end && eth->h_proto == bpf_htons(ETH_P_IP) &&
	       ip->protocol == IPPROTO_UDP && udp->dest == bpf_htons(DROPPED);
}

SEC("xdp") int xdp_drops(struct xdp_md *ctx)
{
	return is_dropped((void *)(long)ctx->data, (void *)(long)ctx->data_end) ? XDP_DROP
										: XDP_PASS;
}

SEC("xdp") int xdp_passes(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("tc") int tc_drops(struct __sk_buff *skb)
{
	return is_dropped((void *)(long)skb->data, (void *)(long)skb->data_end) ? TC_ACT_SHOT
										: TC_ACT_OK;
}

SEC("tc") int tc_passes(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}

SEC("cgroup/connect4") int connect_refused(struct bpf_sock_addr *ctx)
{
	return ctx->user_port != bpf_htons(DROPPED);
}

SEC("cgroup/connect4") int connect_allowed(struct bpf_sock_addr *ctx)
{
	return 1;
}

SEC("sk_lookup") int lookup_drops(struct bpf_sk_lookup *ctx)
{
	return ctx->local_port == DROPPED ? SK_DROP : SK_PASS;
}
