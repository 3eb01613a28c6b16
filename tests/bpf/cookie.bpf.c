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

const volatile __u8 has_cookies = 1; /* kernels before 5.15 know none */

SEC("tp/syscalls/sys_enter_openat") int keep(void *ctx)
{
	__u32 key = 0;
	__u64 cookie = has_cookies ? bpf_get_attach_cookie(ctx) : 0;

	bpf_map_update_elem(&cookies, &key, &cookie, BPF_ANY);
	return 0;
}
