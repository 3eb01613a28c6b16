/* One program for the entry and the return of functions: libbpf 1.5, kernel 6.10. Kernel 7.2 gives
 * the functions below an argument, the context.
 */
#include "event.h"
#include <stdbool.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern bool bpf_session_is_return(void) __ksym;
extern __u64 *bpf_session_cookie(void) __ksym;

SEC("kprobe.session") int session(struct pt_regs *ctx)
{
	__u64 *kept = bpf_session_cookie();

	if (bpf_session_is_return())
		return report(bpf_get_attach_cookie(ctx), *kept, 2);
	*kept = bpf_get_func_ip(ctx);
	return report(bpf_get_attach_cookie(ctx), *kept, 1);
}
