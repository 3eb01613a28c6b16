/* Types of every kind, for the codec. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum colour { RED, GREEN = 5, BLUE };
enum sign { MINUS = -1, NONE, PLUS };

struct point {
	__s32 x, y;
};

struct __attribute__((packed)) packed {
	__u8 tag;
	__u32 value;
	__u64 big;
};

struct everything {
	__u8 u8;
	__s8 s8;
	__u16 u16;
	__s16 s16;
	__u32 u32;
	__s32 s32;
	__u64 u64;
	__s64 s64;
	bool yes;
	char letter;
	char name[16];
	__u8 mac[6];
	enum colour colour;
	enum sign sign;
	void *pointer;
	struct point at;
	struct point path[3];
	int grid[2][3];
	union {
		__u32 word;
		__u8 bytes[4];
	};
	struct {
		__u16 port;
		__u16 : 3;
		__u16 flag : 1;
		__u16 rest : 9;
	} inner;
	__u32 low : 5;
	__s32 middle : 7;
	__u64 wide : 50;
	float single;
	double twice;
	struct packed packed;
};

struct everything everything = {};

SEC("socket") int prog(void *ctx)
{
	return everything.u8;
}
