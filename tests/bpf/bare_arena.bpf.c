/* An arena that has no variables. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define MAP_TYPE_ARENA 33 /* BPF_MAP_TYPE_ARENA, since Linux 6.9 */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16);
} arena SEC(".maps");
