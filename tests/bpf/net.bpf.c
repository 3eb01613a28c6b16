/* Programs that drop what goes to port 7001, wherever packets and sockets pass. */
#include "net.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("xdp") int xdp_drops(struct xdp_md *ctx)
{
	return is_dropped((void *)(long)ctx->data, (void *)(long)ctx->data_end) ? XDP_DROP
										: XDP_PASS;
}

SEC("xdp") int xdp_passes(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* For others to replace. */
__attribute__((noinline)) int asked(struct xdp_md *ctx)
{
	volatile int verdict = XDP_PASS; /* of which the compiler must not know */

	return verdict;
}

SEC("xdp") int xdp_asks(struct xdp_md *ctx)
{
	return asked(ctx);
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
