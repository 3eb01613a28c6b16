/* Programs for the handlers that lbpf brings: each counts its runs, under a key of its own. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
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

COUNTING("perf_event/cpu-clock,frequency=997", by_name, 0, 0);
COUNTING("perf_event/type=1,config=0,frequency=99", by_number, 1, 0);
COUNTING("perf_event/page-faults,period=1,cpu=0", one_cpu, 2, 0);
COUNTING("every/1ms", every_millisecond, 3, 0);
COUNTING("syscall/getppid", entered, 4, 0);
COUNTING("syscall.exit/getppid", returned, 5, 0);
COUNTING("xdp/lo", xdp_on_lo, 6, 2);       /* XDP_PASS */
COUNTING("tc/ingress/lo", tc_on_lo, 7, 0); /* TC_ACT_OK */
COUNTING("cgroup_skb/egress//tmp/lbpf-cgroup", in_cgroup, 8, 1);
COUNTING("first/kprobe/no_such_function|tp/no/such|tp/syscalls/sys_enter_getppid", second, 9, 0);
COUNTING("first/tp/no/such|fentry/no_such_function", none, 10, 0);
COUNTING("xdp_drop_everything", legacy_xdp, 11, 2);
COUNTING("classifier/web", legacy_tc, 12, 0);
COUNTING("xdp/devmap", from_map, 13, 2);
COUNTING("perf_event/no-such-event", unknown_event, 14, 0);
COUNTING("every/soon", not_an_interval, 15, 0);
COUNTING("uprobe.multi//proc/self/cwd/build/helpers/probe_me:probe_*", functions, 16, 0);
COUNTING("uretprobe.multi//proc/self/cwd/build/helpers/probe_me:probe_add", returns, 17, 0);
COUNTING("uprobe.multi//proc/self/cwd/build/helpers/probe_me:no_such_*", no_function, 18, 0);
COUNTING("usdt//proc/self/cwd/build/helpers/probe_me:lbpf_test:no*", no_marker, 19, 0);
