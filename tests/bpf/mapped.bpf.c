/* Variables of types with parts, in a map that user space maps. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct flags {
	__u32 a : 3;
	__s32 b : 12;
	_Bool c : 1;
	__u64 d : 40;
	__u32 rest;
};

struct flags flags = {5, -6, 1, 0x123456789a, 7};
struct flags several[2] = {};
__int128 wide = 5;
unsigned __int128 large = ((unsigned __int128)0x0102030405060708 << 64) | 0x090a0b0c0d0e0f10;

SEC("raw_tp") int change(void *ctx)
{
	flags.b++;
	wide--;
	return 0;
}
