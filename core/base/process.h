/* Which process made something. fork() copies what libbpf keeps and shares what it stands for: a
 * copy that is taken apart as usual stops the perf events and empties the maps that the other
 * process works with. So what can do that remembers its maker, and is asked whose it is first.
 */
#ifndef LBPF_BASE_PROCESS_H
#define LBPF_BASE_PROCESS_H

#include "base/compat.h"

struct process;

/* This process; what it makes remembers that. */
const struct process *process_self(void);

/* Does what MAKER made belong to this process? It does if this is the maker, or if the maker has
 * ended, and so has every process between it and this one: a server that went to the background is
 * its starter's heir, and its workers, which are forked from it, are not while it runs.
 */
bool process_owns(const struct process *maker);

/* Raises unless it does: "the perf buffer belongs to process 17; this is 18, forked from it". WHAT
 * and the QUOTED name, which may be NULL, say what it is.
 */
void process_check(lua_State *L, const struct process *maker, const char *what, const char *quoted);

/* What has to be done in a new process before anything else runs there; set on_fork, then join. It
 * must not allocate.
 */
struct process_hook {
	struct process_hook *next, **at;
	void (*on_fork)(struct process_hook *);
};

void process_hook_join(struct process_hook *h);
void process_hook_leave(struct process_hook *h);

void process_open(lua_State *L);

#endif
