/* Programs for many functions of user space at once: libbpf 1.3, kernel 6.6. */
#include "event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("uprobe.multi") int entry(struct pt_regs *ctx)
{
	return report(bpf_get_attach_cookie(ctx), PT_REGS_PARM1(ctx), 1);
}

SEC("uretprobe.multi") int result(struct pt_regs *ctx)
{
	return report(bpf_get_attach_cookie(ctx), PT_REGS_RC(ctx), 2);
}
