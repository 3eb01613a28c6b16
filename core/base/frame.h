/* How libbpf is entered, and how it calls back.
 *
 * A Lua error is a jump, and must not cross libbpf's C frames. So whoever calls a libbpf
 * function that may call back, or print, does it between frame_enter() and frame_leave(); the
 * callback runs its Lua with frame_call(), which catches the error, keeps the error object, and
 * tells libbpf to stop; frame_leave() raises that object, unchanged, once libbpf has returned.
 *
 * While a callback's Lua runs there is no current frame: libbpf calls that it makes have frames
 * of their own, and a callback that comes from anybody else's libbpf call finds none and stays
 * out of Lua.
 */
#ifndef LBPF_BASE_FRAME_H
#define LBPF_BASE_FRAME_H

#include "base/class.h"

struct frame {
	struct frame *prev;
	lua_State *L; /* the coroutine that entered */
	struct owner *owner;
	void *subject;   /* whatever the module's callbacks need to know */
	int base;        /* stack top at entry; the frame's own slots lie above it */
	size_t log_mark; /* what libbpf printed since entry starts here */
	bool failed;     /* a callback raised: its error object waits in a slot */
};

/* Enters. OWNER (may be NULL) is busy, and kept, until frame_leave(). ENV: the index of a table
 * that callbacks get as their second argument, or 0. Raises only before anything is changed.
 */
void frame_enter(lua_State *L, struct frame *f, struct owner *owner, int env);

/* Leaves, restores the stack, and raises what a callback has raised. */
void frame_leave(struct frame *f);

/* The frame of the libbpf call that this thread is inside of; NULL if it is none of ours. */
struct frame *frame_current(void);

/* Runs BODY(lightuserdata ARG, ENV) in a protected call; for callbacks, and never allocates
 * itself. 0, or -ECANCELED: then return that to libbpf.
 */
int frame_call(struct frame *f, lua_CFunction body, void *arg);

/* The same for what must not change the outcome: an error in BODY is dropped. */
void frame_tell(struct frame *f, lua_CFunction body, void *arg);

/* Keeps a message from libbpf that arrived inside a frame. */
void frame_log(const char *text, size_t len);

/* Pushes what libbpf printed since F was entered, and forgets it; "" if nothing. */
void frame_push_log(lua_State *L, const struct frame *f);

void frame_open(lua_State *L);

#endif
