/* Each run of the program takes what was sent to the user ring buffer `orders`. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct order {
	__u32 kind;
	__s64 result;
};

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} orders SEC(".maps");

struct order order; /* the last one */

static long take(struct bpf_dynptr *sample, void *ctx)
{
	bpf_dynptr_read(&order, sizeof(order), sample, 0, 0);
	return 0;
}

SEC("raw_tp/sys_enter") int drain(void *ctx)
{
	bpf_user_ringbuf_drain(&orders, take, 0, 0);
	return 0;
}
