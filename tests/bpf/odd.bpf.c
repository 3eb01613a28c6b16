/* Maps of keys and values of odd sizes and kinds, among them what the kernel keeps for itself. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define TYPED(map_type, entries, key_type, value_type, name)                                       \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##map_type);                                             \
		__uint(max_entries, entries);                                                      \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} name SEC(".maps")

enum mask { LOW = 1, HIGH = 2, TOP = 0x80000000u, ALL = 0xffffffffu };

struct five {
	char c[5];
};

struct twelve {
	__u64 a;
	__u32 b;
} __attribute__((packed));

struct prefix {
	struct bpf_lpm_trie_key key;
	__u8 address[4];
};

struct locked {
	struct bpf_spin_lock lock;
	int n;
	__u64 w;
};

struct timed {
	__u64 before;
	struct bpf_timer timer;
	__u32 after;
};

struct numbers {
	__u64 u64;
	__s64 s64;
	__u32 u32;
	__s32 s32;
	__u8 u8;
	_Bool yes;
	enum mask mask;
	float single;
	double twice;
};

TYPED(PERCPU_HASH, 8, __u16, struct five, cpu_five);
TYPED(PERCPU_ARRAY, 3, __u32, struct twelve, cpu_twelve);
TYPED(PERCPU_ARRAY, 3, __u32, __u8, cpu_byte);
TYPED(LRU_PERCPU_HASH, 64, __u8, _Bool, cpu_bool);
TYPED(LRU_HASH, 128, __u64, __u64, recent);
TYPED(HASH, 8, struct five, struct locked, locked);
TYPED(HASH, 8, __u32, struct timed, timed);
TYPED(HASH, 8, __int128, __u32, wide);
TYPED(HASH, 8, _Bool, double, ratios);
TYPED(HASH, 8, __u64, struct numbers, numbers);
TYPED(HASH, 8, __s64, __s64, negative);
TYPED(SOCKMAP, 4, int, __u64, sockets);
TYPED(DEVMAP, 4, __u32, struct bpf_devmap_val, devices);
TYPED(CPUMAP, 4, __u32, __u32, cpus);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u32);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 3);
	__type(value, struct twelve);
} queue SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, struct five);
	__type(value, struct twelve);
} first SEC(".maps"), second SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u64);
	__array(values, struct inner);
} outer SEC(".maps");

SEC("socket") int use(struct __sk_buff *skb)
{
	return 0;
}
