/* A program that user space calls with a context of its own. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct sum {
	__u32 a, b;
	__u64 sum;
};

SEC("syscall")
int add(struct sum *ctx)
{
	ctx->sum = (__u64)ctx->a + ctx->b;
	return 42;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
