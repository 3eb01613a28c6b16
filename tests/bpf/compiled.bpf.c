/* Maps and variables of many types, which compiled code reads and writes as C does. */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum color { RED, GREEN = 7 };
enum depth { SHALLOW = -1, DEEP = 1 };

struct leaves {
	__u8 u8;
	__s8 s8;
	__u16 u16;
	__s16 s16;
	__u32 u32;
	__s32 s32;
	__u64 u64;
	__s64 s64;
	bool flag;
	char letter;
	enum color color;
	enum depth depth;
	float single;
	double twice;
	char name[16];
	__u64 list[3];
	struct {
		__s16 x, y[2];
		char tag[3];
	} nested[2];
	unsigned __int128 wide;
};

/* No arrays, no structures: what compiled code can write. */
struct flat {
	__u8 u8;
	__s16 s16;
	__u32 u32;
	__s32 s32;
	__u64 u64;
	__s64 s64;
	bool flag;
	char letter;
	enum depth depth;
	float single;
	double twice;
	char name[16];
};

struct bits {
	__u32 a : 3, b : 29;
	__u64 c;
};

#define HASH(name, key_type, value_type)                                                           \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_HASH);                                                   \
		__uint(max_entries, 8);                                                            \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} name SEC(".maps")

HASH(u8, __u8, __u8);
HASH(s8, __s8, __s8);
HASH(u16, __u16, __u16);
HASH(s16, __s16, __s16);
HASH(u32, __u32, __u32);
HASH(s32, __s32, __s32);
HASH(u64, __u64, __u64);
HASH(s64, __s64, __s64);
HASH(colors, enum color, enum depth);
HASH(flags, __u32, bool);
HASH(leaves, __u32, struct leaves);
HASH(flat, struct flat, struct flat);
HASH(bits, __u32, struct bits);
HASH(by_name, char[8], __u64);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, __u32);
} queue SEC(".maps");

__u8 var_u8 = 255;
__s8 var_s8 = -128;
__u16 var_u16 = 65535;
__s16 var_s16 = -32768;
__u32 var_u32 = 0xffffffff;
__s32 var_s32 = -0x7fffffff - 1;
__u64 var_u64 = 0xffffffffffffffff;
__s64 var_s64 = -0x7fffffffffffffff - 1;
bool var_flag = true;
enum depth var_depth = SHALLOW;
double var_twice = 0.1;
char var_name[8] = "eight by";
__u32 var_list[3] = {1, 2, 3};
struct bits var_bits = {1, 2, 3};
struct leaves var_leaves = {1,    -1,  2,     -2,      3,   -3,  4,       -4,
			    true, 'x', GREEN, SHALLOW, 0.5, 0.1, "a name"};
const volatile __u64 var_constant = 1ULL << 63;
__u64 var_calls;

SEC("raw_tp/sys_enter") int count(void *ctx)
{
	var_calls++;
	return 0;
}
