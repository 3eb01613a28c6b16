/* Programs for kernel functions: kprobe, kprobe_multi and ksyscall. */
#include "event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("kprobe") int entry(struct pt_regs *ctx)
{
	return report(bpf_get_attach_cookie(ctx), bpf_get_func_ip(ctx), 1);
}

SEC("kretprobe") int result(struct pt_regs *ctx)
{
	return report(bpf_get_attach_cookie(ctx), (int)PT_REGS_RC(ctx), 2);
}

SEC("kprobe.multi") int multi(struct pt_regs *ctx)
{
	return report(bpf_get_attach_cookie(ctx), bpf_get_func_ip(ctx), 3);
}

SEC("ksyscall") int syscall_entry(struct pt_regs *ctx)
{
	return report(bpf_get_attach_cookie(ctx), 0, 4);
}

SEC("kretsyscall") int syscall_result(struct pt_regs *ctx)
{
	return report(bpf_get_attach_cookie(ctx), (int)PT_REGS_RC(ctx), 5);
}
