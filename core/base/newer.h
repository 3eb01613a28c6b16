/* What libbpf 1.8 added, and what goes with that. No distribution has its headers yet, so this
 * declares it for older ones; the compiler holds the declarations against newer ones. All functions
 * are weak symbols: they are NULL if the libbpf that this process runs with does not have them,
 * which some builds of its sources that call themselves 1.8 do not.
 */
#ifndef LBPF_BASE_NEWER_H
#define LBPF_BASE_NEWER_H

#include "base/compat.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>

#if !LBPF_HEADERS(1, 8)

struct bpf_tracing_multi_opts {
	size_t sz;
	const __u32 *ids;
	const __u64 *cookies;
	size_t cnt;
};

struct btf_new_opts {
	size_t sz;
	struct btf *base_btf;
	bool add_layout;
};

#endif

_Static_assert(offsetof(struct bpf_tracing_multi_opts, ids) == sizeof(size_t) &&
		       offsetof(struct bpf_tracing_multi_opts, cookies) == 2 * sizeof(size_t) &&
		       offsetof(struct bpf_tracing_multi_opts, cnt) == 3 * sizeof(size_t),
	       "bpf_tracing_multi_opts is not as declared here");
_Static_assert(offsetof(struct btf_new_opts, base_btf) == sizeof(size_t) &&
		       offsetof(struct btf_new_opts, add_layout) == 2 * sizeof(size_t),
	       "btf_new_opts is not as declared here");

#pragma weak bpf_object__prepare
int bpf_object__prepare(struct bpf_object *obj); /* of 1.6: what is cloned is prepared */

#pragma weak bpf_program__clone
int bpf_program__clone(struct bpf_program *prog, const struct bpf_prog_load_opts *opts);

#pragma weak bpf_program__attach_tracing_multi
struct bpf_link *bpf_program__attach_tracing_multi(const struct bpf_program *prog,
						   const char *pattern,
						   const struct bpf_tracing_multi_opts *opts);

#pragma weak btf__new_empty_opts
struct btf *btf__new_empty_opts(struct btf_new_opts *opts);

/* Attach types, for which the kernel's headers may lack names. */
enum { TRACE_FENTRY_MULTI = 59, TRACE_FEXIT_MULTI, TRACE_FSESSION_MULTI };

#endif
