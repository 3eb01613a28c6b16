/* Batches of events. libbpf reads a buffer and calls back for each event; the callback only copies
 * it to the batch. The script's function runs after libbpf has returned: it is inside no libbpf
 * frame, so it may raise; each event is delivered once; and events that were copied but not
 * delivered wait for the next call. A full batch ends libbpf's reading.
 */
#ifndef LBPF_EVENT_BATCH_H
#define LBPF_EVENT_BATCH_H

#include "base/class.h"
#include <linux/types.h>
#include <stdint.h>

/* lua/lbpf/jit/layout.lua declares this structure, the cursor and the counters as well. */
struct batch_event {
	__u32 size;
	int function; /* its index in the list of functions */
	int cpu;      /* for the buffer's use */
	int is_news;  /* not an event but about events: the function is called in every style */
	char data[];  /* padded to 8 bytes */
};

struct batch_cursor {
	char *bytes;
	int32_t used, next;
	int32_t delivering;
	uint32_t fill;    /* how often the batch was filled or emptied, never 0 */
	uint32_t reading; /* the fill whose event is being read; 0: none */
};

/* The delivered events of one function. Doubles, because LuaJIT reads them without allocating. */
struct batch_counters {
	double events, bytes;
};

struct batch;
struct codec_check;

struct batch_kind {
	const char *name, *function; /* "ring buffer", "ring_buffer" */
	bool tells_once; /* its descriptor is readable when events come, not while there are some */
	/* Calls libbpf to read events, waiting up to TIMEOUT milliseconds (-1: without limit).
	 * Returns libbpf's result.
	 */
	int (*consume)(struct batch *b, int timeout);
	/* The counters of a function's events. */
	struct batch_counters *(*counters)(struct batch *b, int function);
	/* Pushes an event's values; returns how many. NAMES is the index of the names of the
	 * event's function. MAY_REUSE: no other event is being read, so the table that option
	 * `reuse` asks for may be filled.
	 */
	int (*push)(lua_State *L, struct batch *b, const struct batch_event *e, int names,
		    bool may_reuse);
	/* How many lists the event's function gets for many events at once; 0: it is called with
	 * each event, or this one is too short.
	 */
	int (*columns)(const struct batch *b, const struct batch_event *e);
	/* Calls the function at FN with WIDTH lists of up to LIMIT events: columns_deliver(). */
	size_t (*deliver_columns)(lua_State *L, struct batch *b, int names, int fn, int width,
				  size_t limit, bool *stop);
	/* libbpf's epoll descriptor; -1 once the buffer is closed. */
	int (*epoll_fd)(const struct batch *b);
	/* Raises unless this process may use the open buffer; may be NULL. */
	void (*check)(lua_State *L, struct batch *b);
	/* Closes it, unless it is closed. */
	void (*shut)(struct batch *b);
};

/* The first member of a userdata whose uservalue is the list of functions (false: none). At
 * -function are the names of the function's events, and at BATCH_COMPILED, by function, the
 * compiled code: a list of two functions, one that pushes events and one that pulls them.
 */
enum { BATCH_COMPILED = 0 };
struct batch {
	struct batch_cursor cursor; /* first: compiled code uses its address for the batch */
	const struct batch_kind *kind;
	struct owner *owner; /* busy while events are delivered; may be NULL */
	int only;            /* read only the ring with this index; -1: all */
	size_t capacity;     /* of the buffers, in bytes: one call takes no more, so that it ends */
	size_t size;         /* of the cursor's memory */
	char *held;          /* older memory that may still be read */
	size_t wanted;       /* how many more events may be read */
	struct batch_counters passed; /* read since the last fill, but not copied */
	size_t limit;                 /* how many may be delivered */
	int err;                      /* why an event could not be copied, negative */
	bool passes;  /* the callback delivers events itself, so that they cannot be pulled */
	bool stopped; /* we stopped libbpf before the buffer was empty */
	bool closed;
	struct batch_wait *wait;
	bool woken;
};

static inline size_t batch_padded(size_t size)
{
	return (size + 7) / 8 * 8;
}

/* The event at a place in the batch, and how many bytes it takes there. */
static inline struct batch_event *batch_event_at(const struct batch *b, int32_t place)
{
	return (struct batch_event *)(b->cursor.bytes + place);
}

static inline size_t batch_size_of(const struct batch_event *e)
{
	return sizeof(*e) + batch_padded(e->size);
}

/* Counts the next event as delivered, unless it is news, and goes on to the one after it. */
static inline void batch_consume(struct batch *b, const struct batch_event *e)
{
	struct batch_counters *counters = e->is_news ? NULL : b->kind->counters(b, e->function);

	b->cursor.next += (int32_t)batch_size_of(e);
	if (counters) {
		counters->events++;
		counters->bytes += e->size;
	}
}

/* Descriptors, once somebody asked for one to wait on; -1: none. */
struct batch_wait {
	int epoll, wake;
};

/* WAIT is for the batch alone, until that is closed. NULL: the buffer is never opened. */
void batch_init(struct batch *b, const struct batch_kind *kind, struct batch_wait *wait);
void batch_wait_close(struct batch_wait *wait);

/* Drops the events; frees the batch when no call on the buffer can be running. */
void batch_close(struct batch *b);
void batch_free(struct batch *b);

/* For the callback: copies an event. Returns NULL if there is not enough memory; B->err is set
 * then. If B->stopped is set afterwards, libbpf must stop.
 */
struct batch_event *batch_copy(struct batch *b, int function, const void *data, size_t size);

/* For the callback: it has delivered an event itself, without a copy. B->stopped as above. */
static inline void batch_pass(struct batch *b, struct batch_counters *delivered, size_t size)
{
	delivered->events++;
	delivered->bytes += (double)size;
	b->passed.events++;
	b->passed.bytes += (double)size;
	b->stopped = --b->wanted == 0 || b->passed.bytes >= (double)b->capacity;
}

/* How many bytes of a buffer FUNCTION's waiting events took, with a header of HEADER bytes each. */
size_t batch_waiting(const struct batch *b, int function, size_t header);

/* Pushes a table of these counters. */
void batch_push_stats(lua_State *L, const struct batch_counters *delivered, size_t waiting);

/* lua_pcall(), during which the buffer can be neither closed nor polled, nor its owner closed. */
int batch_call(lua_State *L, struct batch *b, int args, int results);

/* Methods; the userdata is at 1. Each returns how many results it pushed. */

/* Push style: calls the functions with up to WANTED events of the ring ONLY (-1: of all). Pushes
 * how many, or nil, message, errno. */
int batch_take(lua_State *L, struct batch *b, int only, int timeout, size_t wanted);

/* Pull style: pushes the values of the next event; nil at the timeout or for a signal that Lua
 * handles; or nil, message, errno. An empty batch is filled with up to AHEAD events.
 */
int batch_next(lua_State *L, struct batch *b, int timeout, size_t ahead);

/* What compiled code claims: events of a function that have at least LEAST bytes, and pass CHECKS
 * (may be NULL). lua/lbpf/jit/layout.lua declares it as well.
 */
struct batch_claim {
	struct batch *batch;
	struct codec_check *checks;
	int32_t function;
	uint32_t least;
};

/* For compiled code: the next event, if it is such a one. It is consumed and counted; its memory is
 * kept until the cursor's `reading` is 0 again. Else NULL: then call batch_next().
 */
const struct batch_event *batch_claim(const struct batch_claim *claim);

/* (next, userdata, timeout): what compiled code calls for all that it does not do. */
int batch_step(lua_State *L);

/* An iterator that calls NEXT, the method, with the argument at 2. */
int batch_events(lua_State *L, lua_CFunction next);

/* Pushes a descriptor that is readable while events wait in the buffer or here. */
int batch_epoll_fd(lua_State *L, struct batch *b);

/* The timeout at ARG; nil and -1: without limit. */
int batch_check_timeout(lua_State *L, int arg);

/* Raises while events are being delivered; WHAT ("add()") was called in the buffer's own function.
 */
void batch_check_idle(lua_State *L, const struct batch *b, const char *what);

#endif
