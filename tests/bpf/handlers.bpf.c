/* Programs whose sections are names that libbpf does not know, and some that it does. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("abc") int abc1(void *ctx)
{
	return 0;
}

SEC("abc/whatever") int abc2(void *ctx)
{
	return 0;
}

SEC("custom") int custom1(void *ctx)
{
	return 0;
}

SEC("custom/something") int custom2(void *ctx)
{
	return 0;
}

SEC("xdp") int own1(void *ctx)
{
	return 2;
}

SEC("raw_tp/sys_enter") int own2(void *ctx)
{
	return 0;
}
