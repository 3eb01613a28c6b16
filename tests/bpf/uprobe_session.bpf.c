/* One program for the entry and the return of functions of user space: libbpf 1.6, kernel 6.13. */
#include "event.h"
#include "session.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("uprobe.session") int session(struct pt_regs *ctx)
{
	if (is_return(ctx))
		return report(bpf_get_attach_cookie(ctx), PT_REGS_RC(ctx), 2);
	return report(bpf_get_attach_cookie(ctx), PT_REGS_PARM1(ctx), 1);
}
