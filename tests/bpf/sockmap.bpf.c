/* What a socket at 0 sends is handed to the socket at 1. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sockets SEC(".maps");

SEC("sk_msg") int redirects(struct sk_msg_md *msg)
{
	return bpf_msg_redirect_map(msg, &sockets, 1, BPF_F_INGRESS);
}
