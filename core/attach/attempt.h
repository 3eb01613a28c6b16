/* One call of a bpf_program__attach... or bpf_map__attach... function, from its arguments to the
 * link. */
#ifndef LBPF_ATTACH_ATTEMPT_H
#define LBPF_ATTACH_ATTEMPT_H

#include "base/frame.h"

struct link;

struct attempt {
	struct owner *owner;
	struct bpf_program *prog; /* what is attached: a program or a map */
	struct bpf_map *map;
	struct frame frame;
	struct link *link;
	int env, handle; /* stack indices */
};

/* Takes the program at 1, which must be loaded. */
void attempt_check(lua_State *L, struct attempt *a);

/* Takes the map at 1, which must have been created. */
void attempt_check_map(lua_State *L, struct attempt *a);

/* Creates the handle, and enters the frame: after libbpf has attached, nothing may fail. */
void attempt_begin(lua_State *L, struct attempt *a);

/* Ends the attempt: HOW is the function's name, TARGET may be NULL. Returns 1 and pushes the link,
 * which is in obj.links then; or 4: nil, message, errno, log.
 */
int attempt_finish(lua_State *L, struct attempt *a, struct bpf_link *link, const char *how,
		   const char *target);

#endif
