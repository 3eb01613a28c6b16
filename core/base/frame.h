/* How libbpf is called, and how it calls back.
 *
 * A Lua error is a longjmp, and must not cross libbpf's C frames. Every libbpf function that may
 * call back or print is called between frame_enter() and frame_leave(). The callback runs its Lua
 * code with frame_call(), which catches an error, keeps the error object, and tells libbpf to stop;
 * frame_leave() raises the same object once libbpf has returned.
 *
 * While a callback's Lua code runs there is no current frame. libbpf calls that it makes have
 * frames of their own. A callback that finds no frame belongs to another user of libbpf, and does
 * not call Lua.
 */
#ifndef LBPF_BASE_FRAME_H
#define LBPF_BASE_FRAME_H

#include "base/class.h"

struct frame {
	struct frame *prev;
	lua_State *L; /* the coroutine that entered */
	struct owner *owner;
	void *subject;   /* data for the module's callbacks */
	int base;        /* stack top at entry; the frame's own slots are above it */
	size_t log_mark; /* where the text begins that libbpf printed since entry */
	bool failed;     /* a callback raised: its error object is in a slot */
};

/* Enters. OWNER (may be NULL) is referenced and busy until frame_leave(). ENV is the index of a
 * table that callbacks get as their second argument, or 0. Raises only before anything has been
 * changed.
 */
void frame_enter(lua_State *L, struct frame *f, struct owner *owner, int env);

/* Leaves, restores the stack, and raises the error of a callback, if there was one. */
void frame_leave(struct frame *f);

/* The frame of this thread's current libbpf call; NULL if the call is not ours. */
struct frame *frame_current(void);

/* For callbacks: runs BODY(lightuserdata ARG, ENV) in a protected call, and does not allocate
 * outside it. Returns 0 or -ECANCELED, which the callback returns to libbpf.
 */
int frame_call(struct frame *f, lua_CFunction body, void *arg);

/* The same for calls that must not change the result: an error in BODY is dropped. */
void frame_tell(struct frame *f, lua_CFunction body, void *arg);

/* Keeps a message that libbpf printed inside a frame. */
void frame_log(const char *text, size_t len);

/* Pushes what libbpf printed since F was entered ("" if nothing), and removes it. */
void frame_push_log(lua_State *L, const struct frame *f);

void frame_open(lua_State *L);

#endif
