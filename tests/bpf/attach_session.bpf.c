/* One program for the entry and the return of functions: libbpf 1.5, kernel 6.10. */
#include "event.h"
#include "session.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("kprobe.session") int session(struct pt_regs *ctx)
{
	__u64 *kept = session_cookie(ctx);

	if (is_return(ctx))
		return report(bpf_get_attach_cookie(ctx), *kept, 2);
	*kept = bpf_get_func_ip(ctx);
	return report(bpf_get_attach_cookie(ctx), *kept, 1);
}
