/* Batches of events. libbpf reads a buffer and calls back for each event; the callback copies it
 * here, and does no more. The script sees the events once libbpf has returned: its function runs
 * inside no libbpf frame, so it may raise, an event is delivered once whatever it does, and what
 * was copied but not yet delivered waits for the next call. A full batch ends libbpf's reading.
 */
#ifndef LBPF_EVENT_BATCH_H
#define LBPF_EVENT_BATCH_H

#include "base/class.h"
#include <linux/types.h>
#include <stdint.h>

/* This, the cursor and the counters are known to lua/lbpf/jit/events.lua as well. */
struct batch_event {
	__u32 size;
	int function; /* its place in the list of functions */
	int cpu;      /* for the buffer's use */
	int is_news;  /* about the events, and none itself: told to its function in every style */
	char data[];  /* padded to 8 bytes */
};

struct batch_cursor {
	char *bytes;
	int32_t used, next;
	int32_t delivering;
	uint32_t fill;    /* how often the batch was filled or emptied, but never 0 */
	uint32_t reading; /* what was copied by that fill is being read; 0: nothing */
};

/* Of the events of one function, those that were delivered. LuaJIT needs no memory for a double. */
struct batch_counters {
	double events, bytes;
};

struct batch;

struct batch_kind {
	const char *name, *function; /* "ring buffer", "ring_buffer" */
	/* Has libbpf read what is there, or wait for it up to TIMEOUT milliseconds, -1: as
	 * long as it takes. What libbpf returned.
	 */
	int (*consume)(struct batch *b, int timeout);
	/* Pushes what the script sees of an event, which counts as delivered; how many values.
	 * NAMES is the index of what goes with the event's function.
	 */
	int (*push)(lua_State *L, struct batch *b, const struct batch_event *e, int names);
	bool tells_once; /* its descriptor tells that events came, not that there are some */
};

/* The first member of a userdata, whose uservalue lists the functions, false for none; at -function
 * the names of what the function's events are made of; and at BATCH_COMPILED by function the code
 * that was made for them, a list of two: what pushes events, and what pulls them.
 */
enum { BATCH_COMPILED = 0 };
struct batch {
	struct batch_cursor cursor; /* compiled code takes its address for the batch's */
	const struct batch_kind *kind;
	struct owner *owner; /* busy while events are delivered; may be NULL */
	size_t capacity; /* of the buffers, in bytes: no call takes more, so that each one ends */
	size_t size;     /* of the memory at the cursor */
	char *held;      /* other memory, that may still be read */
	size_t wanted;   /* copy at most so many events more */
	size_t limit;    /* deliver at most so many */
	int err;         /* why an event could not be copied, negative */
	bool stopped;    /* libbpf was stopped by us, not by an empty buffer */
	bool closed;
	int epoll, wake; /* descriptors, once somebody asked for one to wait on */
	bool woken;
};

void batch_init(struct batch *b, const struct batch_kind *kind);

/* Drops the events; and when nobody can call the buffer any more, frees all. */
void batch_close(struct batch *b);
void batch_free(struct batch *b);

/* For the callback: copies an event. NULL if there is no memory, which B->err says then. If
 * B->stopped is set afterwards, libbpf shall stop.
 */
struct batch_event *batch_copy(struct batch *b, int function, const void *data, size_t size);

/* How much of a buffer those events of FUNCTION take that wait here; each has a header of HEADER
 * bytes there.
 */
size_t batch_waiting(const struct batch *b, int function, size_t header);

/* Pushes a table of these. */
void batch_push_stats(lua_State *L, const struct batch_counters *delivered, size_t waiting);

/* lua_pcall() while nobody can close or poll the buffer, nor close its owner. */
int batch_call(lua_State *L, struct batch *b, int args, int results);

/* The methods; the userdata is at 1. Each returns how many results it pushed. */

/* Push style: calls the functions with up to WANTED events; their number, or nil, message, errno.
 */
int batch_take(lua_State *L, struct batch *b, int timeout, size_t wanted);

/* Pull style: the values of the next event; nil if there is none in time, or if a signal came that
 * Lua is to see; or nil, message, errno. An empty batch gets up to AHEAD events.
 */
int batch_next(lua_State *L, struct batch *b, int timeout, size_t ahead);

/* For compiled code: the next event, if it is FUNCTION's and has LEAST bytes. It is consumed and
 * counted, and stays where it is until the cursor's `reading` is 0 again. Else NULL: then call
 * batch_next().
 */
const struct batch_event *batch_claim(struct batch *b, int function, uint32_t least,
				      struct batch_counters *counters);

/* An iterator that calls NEXT, the method, with the argument at 2. */
int batch_events(lua_State *L, lua_CFunction next);

/* A descriptor that is readable while events wait, in the buffer or here. INNER is libbpf's. */
int batch_epoll_fd(lua_State *L, struct batch *b, int inner);

/* What cqueues.poll() takes: a table with that descriptor. */
int batch_pollable(lua_State *L, struct batch *b, int inner);

/* The timeout at ARG: nil or -1: for ever. */
int batch_check_timeout(lua_State *L, int arg);

/* Raises while events are being delivered, for WHAT is done inside a function of its own: "add()".
 */
void batch_check_idle(lua_State *L, const struct batch *b, const char *what);

#endif
