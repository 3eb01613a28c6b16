/* What the options of open have an effect on: pinning, Kconfig, and the kernel's types. */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern int CONFIG_LBPF_TEST __kconfig __weak;

/* tests/bpf/layout.bpf.c has the one that btf_custom_path leads to */
struct lbpf_layout {
	int member;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} pinned SEC(".maps");

SEC("socket") int read_config(void *ctx)
{
	__u32 key = 0, value = CONFIG_LBPF_TEST;

	return bpf_map_update_elem(&pinned, &key, &value, BPF_ANY);
}

SEC("?socket") int offset(void *ctx)
{
	return bpf_core_field_offset(((struct lbpf_layout *)0)->member);
}
