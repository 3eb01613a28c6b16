/* A map whose keys are longer than the stack of a program, and its values than 1024 bytes. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct big {
	char bytes[3000];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__uint(key_size, 700);
	__type(value, struct big);
} long_keys SEC(".maps");
