/* The next version: its program has another name. */
#include "takeover.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("xdp") int guard_packets(struct xdp_md *ctx)
{
	return verdict(ctx);
}
