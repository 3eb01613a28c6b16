/* A congestion control that does nothing of use. */
#include <linux/bpf.h>
#include <linux/ptrace.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL"; /* what the kernel's struct_ops wants */

struct sock;

/* The kernel's, as far as it is used. */
struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	char name[16];
} __attribute__((preserve_access_index));

SEC("struct_ops/ssthresh") __u32 BPF_PROG(ssthresh, struct sock *sk)
{
	return 2;
}

SEC("struct_ops/cong_avoid") void BPF_PROG(cong_avoid, struct sock *sk, __u32 ack, __u32 acked)
{
}

SEC("struct_ops/undo_cwnd") __u32 BPF_PROG(undo_cwnd, struct sock *sk)
{
	return 2;
}

#define ALGORITHM                                                                                  \
	{                                                                                          \
		.ssthresh = (void *)ssthresh, .cong_avoid = (void *)cong_avoid,                    \
		.undo_cwnd = (void *)undo_cwnd, .name = "lbpf"                                     \
	}
