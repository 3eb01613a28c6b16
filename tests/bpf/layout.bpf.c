/* Types of a kernel that is not this one. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct lbpf_layout {
	char before[44];
	int member;
};

struct lbpf_layout layout;
