/* Declares as a map what only libbpf can make of SEC(".struct_ops"). */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_STRUCT_OPS);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 64);
} stray SEC(".maps");
