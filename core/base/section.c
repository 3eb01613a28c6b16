#include "base/section.h"

#include "base/nearest.h"
#include <stdio.h>
#include <string.h>

/* A name, and how to attach what it leaves open: NULL where it leaves nothing. */
static const struct section {
	const char *name, *method;
} sections[] = {
	{"socket", "setsockopt(SO_ATTACH_BPF)"},
	{"sk_reuseport", "setsockopt(SO_ATTACH_REUSEPORT_EBPF)"},
	{"sk_reuseport/migrate", "setsockopt(SO_ATTACH_REUSEPORT_EBPF)"},
	{"kprobe", "program:attach_kprobe()"},
	{"kretprobe", "program:attach_kprobe()"},
	{"uprobe", "program:attach_uprobe()"},
	{"uretprobe", "program:attach_uprobe()"},
	{"uprobe.s", "program:attach_uprobe()"},
	{"uretprobe.s", "program:attach_uprobe()"},
	{"kprobe.multi", "program:attach_kprobe_multi()"},
	{"kretprobe.multi", "program:attach_kprobe_multi()"},
	{"kprobe.session", "program:attach_kprobe_multi()"},
	{"uprobe.multi", "program:attach_uprobe_multi()"},
	{"uretprobe.multi", "program:attach_uprobe_multi()"},
	{"uprobe.session", "program:attach_uprobe_multi()"},
	{"ksyscall", "program:attach_ksyscall()"},
	{"kretsyscall", "program:attach_ksyscall()"},
	{"usdt", "program:attach_usdt()"},
	{"usdt.s", "program:attach_usdt()"},
	{"tp", "program:attach_tracepoint()"},
	{"tracepoint", "program:attach_tracepoint()"},
	{"raw_tp", "program:attach_raw_tracepoint()"},
	{"raw_tracepoint", "program:attach_raw_tracepoint()"},
	{"raw_tp.w", "program:attach_raw_tracepoint()"},
	{"raw_tracepoint.w", "program:attach_raw_tracepoint()"},
	{"tp_btf", NULL},
	{"fentry", NULL},
	{"fmod_ret", NULL},
	{"fexit", NULL},
	{"fsession", NULL},
	{"fentry.multi", "program:attach_tracing_multi()"},
	{"fexit.multi", "program:attach_tracing_multi()"},
	{"fsession.multi", "program:attach_tracing_multi()"},
	{"fentry.multi.s", "program:attach_tracing_multi()"},
	{"fexit.multi.s", "program:attach_tracing_multi()"},
	{"fsession.multi.s", "program:attach_tracing_multi()"},
	{"fentry.s", NULL},
	{"fmod_ret.s", NULL},
	{"fexit.s", NULL},
	{"freplace", "program:attach_freplace()"},
	{"lsm", NULL},
	{"lsm.s", NULL},
	{"lsm_cgroup", "program:attach_cgroup()"},
	{"iter", "program:attach_iter()"},
	{"iter.s", "program:attach_iter()"},
	{"syscall", "program:test_run()"},
	{"xdp", "program:attach_xdp()"},
	{"xdp.frags", "program:attach_xdp()"},
	{"xdp/devmap", "as a value of a devmap"},
	{"xdp/cpumap", "as a value of a cpumap"},
	{"xdp.frags/devmap", "as a value of a devmap"},
	{"xdp.frags/cpumap", "as a value of a cpumap"},
	{"perf_event", "program:attach_perf_event()"},
	{"lwt_in", "ip route"},
	{"lwt_out", "ip route"},
	{"lwt_xmit", "ip route"},
	{"lwt_seg6local", "ip route"},
	{"tc", "program:attach_tcx() or lbpf.tc_attach()"},
	{"classifier", "lbpf.tc_attach()"},
	{"action", "lbpf.tc_attach()"},
	{"tcx/ingress", "program:attach_tcx()"},
	{"tcx/egress", "program:attach_tcx()"},
	{"tc/ingress", "program:attach_tcx()"},
	{"tc/egress", "program:attach_tcx()"},
	{"netkit/primary", "program:attach_netkit()"},
	{"netkit/peer", "program:attach_netkit()"},
	{"netfilter", "program:attach_netfilter()"},
	{"sockops", "program:attach_cgroup()"},
	{"sk_skb", "program:attach_sockmap() or lbpf.prog_attach()"},
	{"sk_skb/stream_parser", "program:attach_sockmap() or lbpf.prog_attach()"},
	{"sk_skb/stream_verdict", "program:attach_sockmap() or lbpf.prog_attach()"},
	{"sk_skb/verdict", "program:attach_sockmap() or lbpf.prog_attach()"},
	{"sk_msg", "program:attach_sockmap() or lbpf.prog_attach()"},
	{"lirc_mode2", "lbpf.prog_attach()"},
	{"flow_dissector", "program:attach_netns()"},
	{"sk_lookup", "program:attach_netns()"},
	{"cgroup_skb/ingress", "program:attach_cgroup()"},
	{"cgroup_skb/egress", "program:attach_cgroup()"},
	{"cgroup/skb", "program:attach_cgroup()"},
	{"cgroup/sock", "program:attach_cgroup()"},
	{"cgroup/sock_create", "program:attach_cgroup()"},
	{"cgroup/sock_release", "program:attach_cgroup()"},
	{"cgroup/post_bind4", "program:attach_cgroup()"},
	{"cgroup/post_bind6", "program:attach_cgroup()"},
	{"cgroup/bind4", "program:attach_cgroup()"},
	{"cgroup/bind6", "program:attach_cgroup()"},
	{"cgroup/connect4", "program:attach_cgroup()"},
	{"cgroup/connect6", "program:attach_cgroup()"},
	{"cgroup/connect_unix", "program:attach_cgroup()"},
	{"cgroup/sendmsg4", "program:attach_cgroup()"},
	{"cgroup/sendmsg6", "program:attach_cgroup()"},
	{"cgroup/sendmsg_unix", "program:attach_cgroup()"},
	{"cgroup/recvmsg4", "program:attach_cgroup()"},
	{"cgroup/recvmsg6", "program:attach_cgroup()"},
	{"cgroup/recvmsg_unix", "program:attach_cgroup()"},
	{"cgroup/getpeername4", "program:attach_cgroup()"},
	{"cgroup/getpeername6", "program:attach_cgroup()"},
	{"cgroup/getpeername_unix", "program:attach_cgroup()"},
	{"cgroup/getsockname4", "program:attach_cgroup()"},
	{"cgroup/getsockname6", "program:attach_cgroup()"},
	{"cgroup/getsockname_unix", "program:attach_cgroup()"},
	{"cgroup/sysctl", "program:attach_cgroup()"},
	{"cgroup/getsockopt", "program:attach_cgroup()"},
	{"cgroup/setsockopt", "program:attach_cgroup()"},
	{"cgroup/dev", "program:attach_cgroup()"},
	{"struct_ops", NULL},
	{"struct_ops.s", NULL},
};

/* How much of the section is this name, which may be followed by a target; 0: it is another. */
static size_t match(const char *section, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(section, name, len) != 0 || (section[len] && section[len] != '/'))
		return 0;
	return len;
}

const char *section_method(const char *section)
{
	const char *method = NULL;
	size_t longest = 0;

	section += *section == '?'; /* not loaded unless asked for */
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		size_t len = match(section, sections[i].name);

		if (len > longest) {
			longest = len;
			method = sections[i].method;
		}
	}
	return method;
}

void section_nearest(const char *section, char *out, size_t size)
{
	char stem[NEAREST_NAME];
	struct nearest n = {.wanted = stem};

	section += *section == '?';
	/* what comes after a slash is a target, but for cgroups and a few others */
	snprintf(stem, sizeof(stem), "%.*s",
		 strncmp(section, "cgroup", 6) ? (int)strcspn(section, "/") : (int)strlen(section),
		 section);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		nearest_add(&n, sections[i].name);
	out[0] = '\0';
	for (size_t i = 0; i < 3 && n.best[i].distance <= (strlen(stem) + 1) / 2; i++) {
		size_t len = strlen(out);

		snprintf(out + len, size - len, "%s%s", i ? ", " : "", n.best[i].name);
	}
}
