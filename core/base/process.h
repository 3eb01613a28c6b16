/* Which process created something. fork() copies libbpf's structures, but both processes share the
 * kernel's resources: freeing a copy would stop the perf events and empty the maps of the other
 * process. So such a structure records its creator, and is freed only by the process that owns it.
 */
#ifndef LBPF_BASE_PROCESS_H
#define LBPF_BASE_PROCESS_H

#include "base/compat.h"

struct process;

/* This process; stored in what it creates. */
const struct process *process_self(void);

/* Does this process own what MAKER created? It does if it is the maker, or if the maker and every
 * process between the two have ended. So a server that went to the background owns what its parent
 * created, and workers forked from the server do not while it runs.
 */
bool process_owns(const struct process *maker);

/* Raises if it does not: "the perf buffer belongs to process 17; this is 18, forked from it". WHAT
 * and QUOTED, a name or NULL, describe the object.
 */
void process_check(lua_State *L, const struct process *maker, const char *what, const char *quoted);

/* Called in a new process before anything else runs there. Set on_fork, then join. It must not
 * allocate.
 */
struct process_hook {
	struct process_hook *next, **at;
	void (*on_fork)(struct process_hook *);
};

void process_hook_join(struct process_hook *h);
void process_hook_leave(struct process_hook *h);

void process_open(lua_State *L);

#endif
