/* Programs for events: tracepoint, raw tracepoint, BTF-typed tracepoint, perf event. Those with a
 * question mark need kernel 6.10, which gives them a cookie. All but the last report a rename().
 */
#include "event.h"
#include "rename.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tracepoint") int on_tracepoint(void *ctx)
{
	return report(cookie_of(ctx), 0, 1);
}

SEC("raw_tp") int on_raw_tracepoint(struct bpf_raw_tracepoint_args *ctx)
{
	return is_rename(ctx->args[1]) ? report(0, 0, 2) : 0;
}

SEC("?raw_tp") int on_raw_tracepoint_cookie(struct bpf_raw_tracepoint_args *ctx)
{
	return is_rename(ctx->args[1]) ? report(cookie_of(ctx), 0, 2) : 0;
}

SEC("tp_btf/sys_enter") int on_trace(__u64 *ctx)
{
	return is_rename(ctx[1]) ? report(0, 0, 3) : 0;
}

SEC("?tp_btf/sys_enter") int on_trace_cookie(__u64 *ctx)
{
	return is_rename(ctx[1]) ? report(cookie_of(ctx), 0, 3) : 0;
}

SEC("perf_event") int on_perf_event(void *ctx)
{
	return report(cookie_of(ctx), 0, 4);
}
