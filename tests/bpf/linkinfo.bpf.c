/* Programs whose links are asked about; each attached in a way of its own. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} elements SEC(".maps");

SEC("iter/bpf_map_elem")
int each_element(void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("iter/task")
int each_task(void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("kprobe")
int on_kprobe(void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("fentry/vfs_read")
int on_fentry(void *ctx)
{
	(void)ctx;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
