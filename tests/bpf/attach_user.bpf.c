/* Programs for functions of user space, and for its statically defined probes. */
#include "event.h"
#include <stdbool.h>

#include <bpf/usdt.bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("uprobe") int entry(struct pt_regs *ctx)
{
	return report(cookie_of(ctx), PT_REGS_PARM1(ctx), 1);
}

SEC("uretprobe") int result(struct pt_regs *ctx)
{
	return report(cookie_of(ctx), PT_REGS_RC(ctx), 2);
}

SEC("usdt") int on_usdt(struct pt_regs *ctx)
{
	long number = 0;

	bpf_usdt_arg(ctx, 0, &number);
	return report(bpf_usdt_cookie(ctx), number, 3);
}
