/* A section that neither libbpf nor a script knows: the program has no type. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("nameless") int untyped(void *ctx)
{
	return 0;
}
