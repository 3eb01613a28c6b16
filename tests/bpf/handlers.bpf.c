/* Programs whose sections are names that libbpf does not know, and some that it does. Each counts
 * its runs, under a key of its own (tests/support/handlers.lua knows them).
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

static __always_inline void count(__u32 key)
{
	__u64 *n = bpf_map_lookup_elem(&hits, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
}

#define COUNTING(section, function, key, verdict)                                                  \
	SEC(section) int function(void *ctx)                                                       \
	{                                                                                          \
		count(key);                                                                        \
		return verdict;                                                                    \
	}

COUNTING("abc", abc1, 1, 0);
COUNTING("abc/whatever", abc2, 2, 0);
COUNTING("custom", custom1, 3, 0);
COUNTING("custom/something", custom2, 40, 0); /* 40: found, and replaced, in its code */
COUNTING("xyz/blah", xyz, 5, 0);

/* libbpf's own names */
COUNTING("kprobe", kprobe1, 6, 0);
COUNTING("xdp", xdp1, 7, 2);
COUNTING("?perf_event", perf1, 8, 0); /* not loaded unless asked for */
COUNTING("raw_tp/sys_enter", raw1, 9, 0);
COUNTING("cgroup/connect4", connect4, 10, 1);
COUNTING("cgroup/nothing", nothing, 11, 1); /* a name of libbpf's with an unknown end */
