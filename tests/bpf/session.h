/* Is this call of a session's program the one at the function's return? Kernels from 7.1 on want
 * the context.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>

extern bool bpf_session_is_return(void) __ksym __weak;
extern bool bpf_session_is_return___ctx(void *ctx) __ksym __weak;
extern __u64 *bpf_session_cookie(void) __ksym __weak;
extern __u64 *bpf_session_cookie___ctx(void *ctx) __ksym __weak;

static __always_inline bool is_return(void *ctx)
{
	return bpf_session_is_return___ctx ? bpf_session_is_return___ctx(ctx)
					   : bpf_session_is_return();
}

static __always_inline __u64 *session_cookie(void *ctx)
{
	return bpf_session_cookie___ctx ? bpf_session_cookie___ctx(ctx) : bpf_session_cookie();
}

#endif
