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

/* Global variables, and a program that uses them. */
const volatile __u32 step = 1;
const volatile __u32 everything_size = sizeof(struct everything);
const volatile char label[8] = "const";
__u64 counted = 0;
__u32 initial = 42;
struct point where = {3, 4};
__s16 table[2][2] = {{1, 2}, {3, 4}};
__u32 own SEC(".data.own") = 7;

SEC("raw_tp/sys_enter") int count(void *ctx)
{
	counted += step;
	where.x += everything.u8;
	own++;
	return table[0][1] + label[0];
}
