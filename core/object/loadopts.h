/* A handler's view of bpf_prog_load_opts, and its lifetime. */
#ifndef LBPF_OBJECT_LOADOPTS_H
#define LBPF_OBJECT_LOADOPTS_H

#include "base/compat.h"
#include <bpf/bpf.h>

/* One call of a program's prepare_load callback. */
struct load_scope {
	struct load_scope *prev;
	const struct bpf_program *prog;
	struct bpf_prog_load_opts *opts;
	unsigned long serial;
};

void load_scope_begin(struct load_scope *scope, const struct bpf_program *prog,
		      struct bpf_prog_load_opts *opts);
void load_scope_end(struct load_scope *scope);

/* Is this thread inside the prepare_load callback of PROG? */
bool load_scope_is(const struct bpf_program *prog);

/* Pushes a view of the innermost scope's options; it is invalid after that scope has ended. */
void load_scope_push(lua_State *L);

void load_scope_open(lua_State *L);

#endif
