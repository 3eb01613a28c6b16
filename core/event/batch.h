/* Batches of events: those that are ready in a ring, where they lie, or copies of those that libbpf
 * called back for. The script's function runs inside no libbpf frame, so it may raise; each event
 * is delivered once; and events that were not delivered wait for the next call.
 */
#ifndef LBPF_EVENT_BATCH_H
#define LBPF_EVENT_BATCH_H

#include "base/class.h"
#include <linux/bpf.h>
#include <stdint.h>

/* An event in a batch, as it lies in a BPF ring buffer. lua/lbpf/jit/layout.lua declares this
 * structure, the cursor and the claim as well.
 */
struct batch_record {
	__u32 size;  /* with flags: see below */
	__s32 cpu;   /* for the buffer's use; in a ring the kernel's */
	char data[]; /* padded to 8 bytes */
};

/* The program has discarded it. */
#define BATCH_DISCARDED BPF_RINGBUF_DISCARD_BIT
/* Not an event but about events: the function is called in every style. In a ring this bit says
 * that a record is not complete, and none that is ready has it.
 */
#define BATCH_NEWS BPF_RINGBUF_BUSY_BIT

/* The same, read once: a consumer of another process may make a ring change. */
struct batch_event {
	const char *data;
	__u32 size;
	int cpu;
	bool is_news;
};

struct batch_cursor {
	const char *bytes;
	int32_t used, next;
	int32_t last;       /* compiled code delivers the events before this */
	int32_t delivering; /* to a function: its events are read where they lie */
	uint32_t reading;   /* the fill whose event is being read; 0: none */
	uint32_t fill;      /* how often the batch was emptied, never 0 */
	int32_t size; /* each event has so many bytes, and none was discarded; -1: not known */
};

/* The delivered events of one function. */
struct batch_counters {
	uint64_t events, bytes;
};

static inline void batch_add(struct batch_counters *c, size_t size)
{
	c->events++;
	c->bytes += size;
}

/* What the values of a function's events need, by index. */
struct batch_places {
	int names;
	int again;      /* the table that option `reuse` fills again, or nil; 0: another event may
			 * be being read, so this one gets a table of its own */
	bool for_maker; /* maker_wrap() has replaced what gets the values, where it can */
};

struct batch;
struct codec_check;

struct batch_kind {
	const char *name, *function; /* "ring buffer", "ring_buffer" */
	bool tells_once; /* its descriptor is readable when events come, not while there are some */
	int news;        /* the function for news */
	/* Gets events for the empty batch, waiting up to TIMEOUT milliseconds (-1: without limit).
	 * Returns a negative libbpf result for an error.
	 */
	int (*consume)(struct batch *b, int timeout);
	/* The memory of the events before the cursor is no longer read; may be NULL. */
	void (*release)(struct batch *b);
	/* Pushes an event's values; returns how many. */
	int (*push)(lua_State *L, struct batch *b, const struct batch_event *e,
		    const struct batch_places *at);
	/* maker_wrap() for the function on top, which pulls the first function's events; SLOW is
	 * the index of what pulls all others.
	 */
	bool (*wrap)(lua_State *L, const struct batch *b, const struct batch_places *at, int slow);
	/* How many lists the event's function gets for many events at once; 0: it is called with
	 * each event, or this one is too short.
	 */
	int (*columns)(const struct batch *b, const struct batch_event *e);
	/* Calls the function at FN with WIDTH lists of up to LIMIT events: columns_deliver(). */
	size_t (*deliver_columns)(lua_State *L, struct batch *b, int names, int fn, int width,
				  size_t limit, bool *stop);
	/* The epoll set to wait on; -1 once the buffer is closed. */
	int (*epoll_fd)(const struct batch *b);
	/* Raises unless this process may use the open buffer; may be NULL. */
	void (*check)(lua_State *L, struct batch *b);
	/* Closes it, unless it is closed. */
	void (*shut)(struct batch *b);
};

/* In the names of a codec, or of bytes: the table that is filled again; with option `batch` the
 * list of lists. The names begin at 1.
 */
enum { BATCH_REUSED = 0 };

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
	int function;        /* whose events these are */
	struct batch_counters *delivered; /* of this function */
	int32_t counted;                  /* the events before this are in the counters */
	struct batch_counters all;        /* of the batch, while none of it is counted */
	char *copies;                     /* memory for copies of events */
	size_t size;                      /* of that */
	char *held;                       /* older copies that may still be read */
	size_t wanted;                    /* how many more events may be read */
	struct batch_counters passed;     /* read since the last fill, and not in the batch */
	size_t limit;                     /* how many may be delivered */
	int err;                          /* why an event could not be copied, negative */
	bool passes;  /* the callback delivers events itself, so that they cannot be pulled */
	bool stopped; /* there may be more events in the buffer */
	bool closed;
	struct batch_wait *wait;
	bool woken;
};

static inline size_t batch_padded(size_t size)
{
	return (size + 7) / 8 * 8;
}

/* Reads the event at PLACE, or the next one if that was discarded. Returns the place after it; 0 if
 * there is none.
 */
static inline int32_t batch_read(const struct batch *b, int32_t place, struct batch_event *e)
{
	int64_t end;

	for (; place < b->cursor.used; place = (int32_t)end) {
		const struct batch_record *r = (const void *)(b->cursor.bytes + place);
		__u32 header = __atomic_load_n(&r->size, __ATOMIC_RELAXED);
		__u32 size = header & ~(BATCH_DISCARDED | BATCH_NEWS);

		end = place + (int64_t)(sizeof(*r) + batch_padded(size));
		if (end > b->cursor.used)
			return 0;
		*e = (struct batch_event){r->data, size, r->cpu, header & BATCH_NEWS};
		if (!(header & BATCH_DISCARDED))
			return (int32_t)end;
	}
	return 0;
}

/* Descriptors, once somebody asked for one to wait on; -1: none. */
struct batch_wait {
	int epoll, wake;
};

/* WAIT is for the batch alone, until that is closed. NULL: the buffer is never opened. */
void batch_init(struct batch *b, const struct batch_kind *kind, struct batch_wait *wait);
void batch_wait_close(struct batch_wait *wait);

/* Forgets the events. If one is being read, its memory is kept. */
void batch_empty(struct batch *b);

/* Drops the events; frees the batch when no call on the buffer can be running. */
void batch_close(struct batch *b);
void batch_free(struct batch *b);

/* For libbpf's callback: copies an event, with what BATCH_NEWS or 0 says it is. If there is not
 * enough memory, B->err is set. If B->stopped is set afterwards, libbpf must stop.
 */
void batch_copy(struct batch *b, __u32 flags, int cpu, const void *data, size_t size);

/* For libbpf's callback: an event has been delivered without a copy. B->stopped as above. */
static inline void batch_pass(struct batch *b, size_t size)
{
	batch_add(b->delivered, size);
	batch_add(&b->passed, size);
	b->stopped = --b->wanted == 0 || b->passed.bytes >= b->capacity;
}

/* How many bytes of a buffer the waiting events took, with a header of HEADER bytes each. */
size_t batch_waiting(const struct batch *b, size_t header);

/* Counts the events before the cursor as delivered. */
void batch_count(struct batch *b);

/* The same, and their memory is no longer read. */
void batch_settle(struct batch *b);

/* Copies the events, if they are not copies: those that are pulled are read there, for the producer
 * gets their memory first. False: not enough memory.
 */
bool batch_keep(struct batch *b);

/* Consumes the next event, of SIZE bytes, which ends at END: it counts as delivered, also if it
 * cannot be decoded.
 */
void batch_consume(struct batch *b, size_t size, int32_t end);

/* Pushes the table at KEY of the one at TABLE, which is made if there is none. */
void batch_push_table(lua_State *L, int table, int key);

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
 * (may be NULL).
 */
struct batch_claim {
	struct batch *batch;
	struct codec_check *checks;
	int32_t function;
	uint32_t least;
};

/* For compiled code: a copy of the next event, if it is such a one, which is then consumed. The
 * copy does not change until the cursor's `reading` is 0 again. Else NULL: then call batch_next().
 */
const struct batch_record *batch_claim(const struct batch_claim *claim);

/* (next, userdata, timeout): what compiled code calls for all that it does not do. */
int batch_step(lua_State *L);

/* An iterator that calls NEXT, the method, with the argument at 2. */
int batch_events(lua_State *L, lua_CFunction next);

/* Adds a descriptor to an epoll set. Returns 0 or -errno. */
int batch_watch(int epoll, int fd);

/* Pushes a descriptor that is readable while events wait in the buffer or here. */
int batch_epoll_fd(lua_State *L, struct batch *b);

/* The timeout at ARG; nil and -1: without limit. */
int batch_check_timeout(lua_State *L, int arg);

/* Raises while events are being delivered; WHAT ("add()") was called in the buffer's own function.
 */
void batch_check_idle(lua_State *L, const struct batch *b, const char *what);

#endif
