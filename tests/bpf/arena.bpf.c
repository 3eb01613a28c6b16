/* A variable in an arena, as the compiler places it with __arena. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define MAP_TYPE_ARENA 33 /* BPF_MAP_TYPE_ARENA, since Linux 6.9 */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16);
} arena SEC(".maps");

struct {
	__u32 a, b;
} pair SEC(".addr_space.1") = {3, 4};

__u64 total SEC(".addr_space.1") = 1234567890123;

SEC("syscall") int nothing(void *ctx)
{
	return 0;
}
