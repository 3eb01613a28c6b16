/* Values that do not say all that their bytes do, numbers, and names: what is read, changed and
 * written must differ in that place alone.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

enum color { RED = 1, GREEN = 2, ALIAS = 2 };

enum mask { LOW = 1, TOP = 0x80000000u, ALL = 0xffffffffu };

enum wide { WIDE = 0x123456789aLL, SAME = 0x123456789aLL };

struct value {
	__u16 family;
	union {
		__u32 v4;
		__u8 v6[16];
		struct {
			__u16 low, high;
		} halves;
	};
	union {
		_Bool on;
		__u32 raw;
	} flags;
	char mac[6];
	_Bool yes;
	double real;
	struct {
		char name[5];
		_Bool bits[3];
	} deep[2];
	enum color color;
	enum mask mask;
	__u32 few : 3;
};

struct small {
	char name[8];
	_Bool yes;
	float real;
	__u64 n;
};

struct port {
	__u16 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u16);
	__type(value, struct value);
} values SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, struct small);
	__type(value, struct small);
} smalls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, enum color);
	__type(value, enum wide);
} enums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct port);
} ports SEC(".maps");

struct small global;
unsigned __int128 huge;
__int128 negative;

SEC("raw_tp") int use(void *ctx)
{
	return global.yes + (int)huge + (int)negative;
}
