/* Takes the place of a function of tests/bpf/net.bpf.c, and drops everything to port 7001. */
#include "net.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("freplace/asked") int replacement(struct xdp_md *ctx)
{
	return is_dropped((void *)(long)ctx->data, (void *)(long)ctx->data_end) ? XDP_DROP
										: XDP_PASS;
}
