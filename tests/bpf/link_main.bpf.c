/* Half of a program: the other half is link_other.bpf.c. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern int other(int n);
extern int added;

int result = 0;

SEC("raw_tp/sys_enter")
int whole(void *ctx)
{
	result = other(40) + added;
	return 0;
}
