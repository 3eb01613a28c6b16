/* A process that calls rename() has the samples of a user ring buffer drained, and counted. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "rename.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define KEPT 256

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps"); /* whose rename() counts */

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} samples SEC(".maps");

/* How many were drained, and the first 16 bytes of the first ones. */
struct seen {
	__u64 count;
	char kept[KEPT][16];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct seen);
} seen SEC(".maps");

static long keep(struct bpf_dynptr *sample, void *ctx)
{
	__u32 zero = 0;
	struct seen *s = bpf_map_lookup_elem(&seen, &zero);
	__u64 i;

	if (!s)
		return 1;
	i = s->count++;
	/* a sample that is shorter is not read at all */
	if (i < KEPT && bpf_dynptr_read(s->kept[i], 16, sample, 0, 0))
		bpf_dynptr_read(s->kept[i], 8, sample, 0, 0);
	return 0;
}

SEC("raw_tp/sys_enter") int drain(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 zero = 0, *pid = bpf_map_lookup_elem(&target, &zero);

	if (!is_rename(ctx->args[1]) || !pid)
		return 0;
	if (*pid == bpf_get_current_pid_tgid() >> 32)
		bpf_user_ringbuf_drain(&samples, keep, NULL, 0);
	return 0;
}
