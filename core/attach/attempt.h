/* One call of a bpf_program__attach function, or that for maps, from its arguments to the link. */
#ifndef LBPF_ATTACH_ATTEMPT_H
#define LBPF_ATTACH_ATTEMPT_H

#include "base/frame.h"

struct link;

struct attempt {
	struct owner *owner;
	struct bpf_program *prog; /* one of these two is attached */
	struct bpf_map *map;
	struct frame frame;
	struct link *link;
	int env, handle; /* indices */
};

/* Takes the program at 1, which must be loaded. */
void attempt_check(lua_State *L, struct attempt *a);

/* Takes the map at 1, which must exist in the kernel. */
void attempt_check_map(lua_State *L, struct attempt *a);

/* Makes the handle, and enters: once libbpf has attached, nothing may fail. */
void attempt_begin(lua_State *L, struct attempt *a);

/* Ends the attempt HOW to attach to TARGET (may be NULL). Returns 1: the link is pushed, and is
 * in obj.links; or 4: nil, message, errno, log.
 */
int attempt_finish(lua_State *L, struct attempt *a, struct bpf_link *link, const char *how,
		   const char *target);

#endif
