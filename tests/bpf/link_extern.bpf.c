/* An option of the kernel that link_other.bpf.c has as a variable: they cannot be linked. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern int added __kconfig;

SEC("raw_tp/sys_enter")
int option(void *ctx)
{
	return added;
}
