/* Programs for kernel functions: kprobe, kprobe_multi and ksyscall. */
#include "event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("kprobe") int entry(struct pt_regs *ctx)
{
	return report(cookie_of(ctx), function_of(ctx), 1);
}

SEC("kretprobe") int result(struct pt_regs *ctx)
{
	return report(cookie_of(ctx), (int)PT_REGS_RC(ctx), 2);
}

SEC("kprobe.multi") int multi(struct pt_regs *ctx)
{
	return report(cookie_of(ctx), function_of(ctx), 3);
}

SEC("ksyscall") int syscall_entry(struct pt_regs *ctx)
{
	return report(cookie_of(ctx), 0, 4);
}

SEC("kretsyscall") int syscall_result(struct pt_regs *ctx)
{
	return report(cookie_of(ctx), (int)PT_REGS_RC(ctx), 5);
}
