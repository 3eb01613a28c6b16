/* Programs whose properties are read and changed. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("socket") int first(struct __sk_buff *skb)
{
	return 0;
}

SEC("?raw_tp/sys_enter") int second(void *ctx)
{
	return 0;
}

/* has no type, until a script gives it one */
SEC("?nameless") int third(void *ctx)
{
	return 1;
}

/* has no target, until a script names one */
SEC("?tp_btf") int fourth(void *ctx)
{
	return 0;
}

/* replaces a function of a program that a script names */
SEC("?freplace") int fifth(struct __sk_buff *skb)
{
	return 1;
}
