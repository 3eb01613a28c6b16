/* What the programs of these tests report, and of whom: of the process in `target`, of all if it
 * is 0. tests/support/events.lua reads it.
 */
#ifndef EVENT_H
#define EVENT_H

#include <linux/bpf.h>
#include <linux/ptrace.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct event {
	__u64 cookie;
	__u64 value;
	__u32 pid;
	__u32 kind;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

/* Kernels before 5.15 know no cookies, nor which function a kprobe is in; tests/support/events.lua
 * tells.
 */
const volatile __u8 has_cookies = 1;

static inline __u64 cookie_of(void *ctx)
{
	return has_cookies ? bpf_get_attach_cookie(ctx) : 0;
}

static inline __u64 function_of(void *ctx)
{
	return has_cookies ? bpf_get_func_ip(ctx) : 0;
}

static inline int is_target(void)
{
	__u32 zero = 0, *pid = bpf_map_lookup_elem(&target, &zero);

	return pid && (*pid == 0 || *pid == bpf_get_current_pid_tgid() >> 32);
}

static inline int report(__u64 cookie, __u64 value, __u32 kind)
{
	struct event e = {cookie, value, bpf_get_current_pid_tgid() >> 32, kind};

	if (is_target())
		bpf_ringbuf_output(&events, &e, sizeof(e), 0);
	return 0;
}

#endif
