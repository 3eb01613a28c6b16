/* Stores the cookie that it was attached with. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} cookies SEC(".maps");

SEC("tp/syscalls/sys_enter_openat") int keep(void *ctx)
{
	__u32 key = 0;
	__u64 cookie = bpf_get_attach_cookie(ctx);

	bpf_map_update_elem(&cookies, &key, &cookie, BPF_ANY);
	return 0;
}
