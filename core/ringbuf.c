/* Samples are copied out of the ring while libbpf walks it, a batch at a time; the script's
 * function sees them once libbpf has returned. So it runs inside no libbpf frame: it may raise,
 * a sample is delivered once whatever it does, and what was copied but not yet delivered waits
 * for the next call.
 */
#include "ringbuf.h"

#include "class.h"
#include "map.h"
#include "value.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/*** @module lbpf */
/*** Ring buffers
@section ring_buffers
*/

#define RINGBUF "lbpf.ring_buffer"

/* Copying stops when a batch has grown to this. */
#define BATCH ((size_t)256 << 10)

/* The header of a sample in the ring, which its size does not count. */
#define SAMPLE_HEADER 8

/* One map that is read. */
struct source {
	struct source *next, *next_consumer;
	struct ring *ring;
	int function; /* its place in the ring's uservalue */
	size_t largest;
	__u32 map_id;
};

struct sample {
	int function;
	__u32 size;
	char data[]; /* padded to 8 bytes */
};

struct ring {
	struct ring_buffer *rb; /* NULL once closed */
	struct source *sources;
	char *batch;
	size_t size, used, next; /* of the batch, in bytes */
	size_t wanted;           /* copy at most so many samples more */
	int wake;                /* readable while samples wait in the batch */
	int err;                 /* why a sample could not be copied */
	bool stopped;            /* copying was ended by us, not by an empty ring */
	bool delivering, woken;
};

/* One consumer per ring and process ------------------------------------------------------- */

static pthread_mutex_t consumers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct source *consumers;

/* False if the map has a consumer already: two that read one ring see garbage. */
static bool enlist(struct source *new)
{
	bool is_first = true;

	pthread_mutex_lock(&consumers_lock);
	for (struct source *s = consumers; s; s = s->next_consumer)
		is_first = is_first && s->map_id != new->map_id;
	if (is_first) {
		new->next_consumer = consumers;
		consumers = new;
	}
	pthread_mutex_unlock(&consumers_lock);
	return is_first;
}

static void delist(struct source *source)
{
	struct source **s = &consumers;

	pthread_mutex_lock(&consumers_lock);
	while (*s != source)
		s = &(*s)->next_consumer;
	*s = source->next_consumer;
	pthread_mutex_unlock(&consumers_lock);
}

/* Copying --------------------------------------------------------------------------------- */

static bool make_room(struct ring *r, size_t more)
{
	size_t size = r->size ? r->size : 4096;
	char *bigger;

	while (size - r->used < more)
		size *= 2;
	if (size == r->size)
		return true;
	bigger = realloc(r->batch, size);
	if (!bigger)
		return false;
	r->batch = bigger;
	r->size = size;
	return true;
}

/* libbpf's callback. A negative result ends the walk after this sample, which counts as read. */
static int on_sample(void *ctx, void *data, size_t size)
{
	const struct source *source = ctx;
	struct ring *r = source->ring;
	struct sample *s;
	size_t total = sizeof(*s) + (size + 7) / 8 * 8;

	if (size > source->largest) /* somebody else reads this ring: not a byte of it is safe */
		return r->err = -EBADMSG;
	if (!make_room(r, total))
		return r->err = -ENOMEM;
	s = (struct sample *)(r->batch + r->used);
	s->function = source->function;
	s->size = (__u32)size;
	memcpy(s->data, data, size);
	r->used += total;
	r->stopped = --r->wanted == 0 || r->used >= BATCH;
	return r->stopped ? -EAGAIN : 0;
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Fills the batch; waits for the first sample up to TIMEOUT milliseconds, -1: as long as it
 * takes. 0, or -errno.
 */
static int fill(lua_State *L, struct ring *r, int timeout)
{
	long end = milliseconds() + timeout;
	int ret;

	r->used = r->next = 0;
	for (;;) {
		r->err = 0;
		r->stopped = false;
		ret = timeout ? ring_buffer__poll(r->rb, timeout) : ring_buffer__consume(r->rb);
		if (ret >= 0 || r->stopped)
			return 0;
		if (r->err)
			return r->err;
		if (value_errno(ret) != EINTR)
			return -value_errno(ret);
		/* A signal's handler may have left word for Lua, as the interpreter does for
		 * Ctrl-C: then let Lua run.
		 */
		if (lua_gethook(L))
			return 0;
		if (timeout > 0)
			timeout = end > milliseconds() ? (int)(end - milliseconds()) : 0;
	}
}

/* Delivering ------------------------------------------------------------------------------ */

/* (ring, functions): calls the functions with the samples of the batch; returns how many, and
 * whether one asked to stop.
 */
static int deliver(lua_State *L)
{
	struct ring *r = lua_touserdata(L, 1);
	lua_Integer n = 0;
	bool stop = false;

	while (r->next < r->used && !stop) {
		const struct sample *s = (const struct sample *)(r->batch + r->next);

		/* consumed from here on, also if the function raises */
		r->next += sizeof(*s) + (s->size + 7) / 8 * 8;
		n++;
		lua_rawgeti(L, 2, s->function);
		lua_pushlstring(L, s->data, s->size);
		lua_call(L, 1, 1);
		stop = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
		lua_pop(L, 1);
	}
	lua_pushinteger(L, n);
	lua_pushboolean(L, stop);
	return 2;
}

/* Makes the epoll descriptor tell of samples that wait in the batch. */
static void wake(struct ring *r)
{
	eventfd_t count;
	bool waiting = r->next < r->used;

	if (waiting == r->woken)
		return;
	if (waiting)
		eventfd_write(r->wake, 1);
	else
		eventfd_read(r->wake, &count);
	r->woken = waiting;
}

/* Takes up to WANTED samples. Returns their number, or nil, message, errno. */
static int take(lua_State *L, struct ring *r, int timeout, size_t wanted)
{
	lua_Integer total = 0;
	bool stop = false;
	int err = 0;

	if (r->delivering)
		return luaL_error(L, "ring buffer is busy: polled inside its own function");
	lua_settop(L, 1);
	do {
		r->wanted = wanted - (size_t)total;
		if (r->next == r->used)
			err = fill(L, r, timeout);
		timeout = 0;
		lua_pushcfunction(L, deliver);
		lua_pushvalue(L, 1);
		compat_getuservalue(L, 1);
		r->delivering = true;
		stop = lua_pcall(L, 2, 2, 0) != 0;
		r->delivering = false;
		wake(r);
		if (stop)
			return lua_error(L);
		total += lua_tointeger(L, -2);
		stop = lua_toboolean(L, -1);
		lua_settop(L, 1);
	} while (r->stopped && !stop && !err && (size_t)total < wanted);
	if (err && total == 0)
		return value_fail(L, -err, "ring_buffer");
	lua_pushinteger(L, total);
	return 1;
}

static struct ring *check(lua_State *L)
{
	struct ring *r = luaL_checkudata(L, 1, RINGBUF);

	if (!r->rb)
		luaL_error(L, "ring buffer is closed");
	return r;
}

/*** Waits for events, and calls the functions with all that are there.
@function ring_buffer:poll
@tparam ?integer timeout in milliseconds; nil or -1: until there is one; 0: do not wait
@treturn integer how many events were delivered; fewer than waited for if a signal arrived that
 Lua is to see, or if a function returned false: the rest waits for the next call
@treturn[2] nil
@treturn[2] string message, and the error number
@raise whatever a function raised; the events after that one wait for the next call
@see ring_buffer__poll
*/
static int ringbuf_poll(lua_State *L)
{
	struct ring *r = check(L);
	int timeout = lua_isnoneornil(L, 2) ? -1 : (int)value_check_int(L, 2, -1, INT32_MAX);

	return take(L, r, timeout, SIZE_MAX);
}

/*** Calls the functions with the events that are there, and does not wait.
@function ring_buffer:consume
@treturn integer how many
@treturn[2] nil
@treturn[2] string message, and the error number
@see ring_buffer__consume
*/
static int ringbuf_consume(lua_State *L)
{
	return take(L, check(L), 0, SIZE_MAX);
}

/*** Calls the functions with at most so many events as are there, on every libbpf.
@function ring_buffer:consume_n
@tparam integer n at least 1
@treturn integer how many
@treturn[2] nil
@treturn[2] string message, and the error number
@see ring_buffer__consume_n
*/
static int ringbuf_consume_n(lua_State *L)
{
	struct ring *r = check(L);

	return take(L, r, 0, (size_t)value_check_int(L, 2, 1, INT32_MAX));
}

/*** A descriptor that is readable while there are events, for an event loop to wait on. It stays
the ring buffer's.
@function ring_buffer:epoll_fd
@treturn integer
@see ring_buffer__epoll_fd
*/
static int ringbuf_epoll_fd(lua_State *L)
{
	lua_pushinteger(L, ring_buffer__epoll_fd(check(L)->rb));
	return 1;
}

/* Making and closing ---------------------------------------------------------------------- */

static void free_source(struct source *source)
{
	delist(source);
	free(source);
}

static void shut(struct ring *r)
{
	if (r->rb)
		ring_buffer__free(r->rb);
	r->rb = NULL;
	while (r->sources) {
		struct source *s = r->sources;

		r->sources = s->next;
		free_source(s);
	}
	if (r->wake >= 0)
		close(r->wake);
	r->wake = -1;
	free(r->batch);
	r->batch = NULL;
	r->size = r->used = r->next = 0;
}

/* Adds the map and the function at 2 and 3 to the ring, whose uservalue is at FUNCTIONS. 0, or
 * -errno.
 */
static int add(lua_State *L, struct ring *r, int functions)
{
	int fd = bpf_map__fd(map_check_created(L, 2)), ret;
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	struct source *s;

	luaL_checktype(L, 3, LUA_TFUNCTION);
	lua_pushvalue(L, 3);
	lua_rawseti(L, functions, (int)lua_rawlen(L, functions) + 1);
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.type != BPF_MAP_TYPE_RINGBUF)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->ring = r;
	s->function = (int)lua_rawlen(L, functions);
	s->largest = info.max_entries - SAMPLE_HEADER;
	s->map_id = info.id;
	if (!enlist(s)) {
		free(s);
		return -EBUSY;
	}
	if (r->rb) {
		ret = ring_buffer__add(r->rb, fd, on_sample, s);
	} else {
		r->rb = ring_buffer__new(fd, on_sample, s, NULL);
		ret = r->rb ? 0 : -value_errno(0);
	}
	if (ret) {
		free_source(s);
		return ret;
	}
	s->next = r->sources;
	r->sources = s;
	return 0;
}

/* libbpf waits for its rings by their number; the wake descriptor says it is the first. */
static int watch_wake(struct ring *r)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = 0};

	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->wake < 0)
		return -errno;
	if (epoll_ctl(ring_buffer__epoll_fd(r->rb), EPOLL_CTL_ADD, r->wake, &event))
		return -errno;
	return 0;
}

static int fail(lua_State *L, int err)
{
	return value_fail(L, err, "ring_buffer: map '%s'", bpf_map__name(map_check_created(L, 2)));
}

/*** Reads a BPF ring buffer. It lives on when the object is closed.
@function ring_buffer
@tparam map map of type ringbuf
@tparam function fn called with each event's bytes; returning false ends the call that delivers
@treturn ring_buffer
@treturn[2] nil
@treturn[2] string message, and the error number: EINVAL for a map of another type, EBUSY if this
 process reads the map already
@see ring_buffer__new
*/
static int ringbuf_new(lua_State *L)
{
	struct ring *r;
	int err;

	lua_settop(L, 2);
	lua_pushnil(L);
	lua_insert(L, 1); /* where add() finds its arguments as ring_buffer:add() has them */
	r = class_push(L, RINGBUF, sizeof(*r), 0);
	r->wake = -1;
	lua_replace(L, 1);
	compat_getuservalue(L, 1);
	err = add(L, r, 4);
	if (!err)
		err = watch_wake(r);
	if (err) {
		shut(r);
		return fail(L, -err);
	}
	lua_settop(L, 1);
	return 1;
}

/*** Reads one more map with the same calls.
@function ring_buffer:add
@tparam map map of type ringbuf
@tparam function fn called with each of its events' bytes
@treturn ring_buffer itself
@treturn[2] nil
@treturn[2] string message, and the error number
@raise inside a function of this ring buffer
@see ring_buffer__add
*/
static int ringbuf_add(lua_State *L)
{
	struct ring *r = check(L);
	int err;

	if (r->delivering)
		return luaL_error(L, "ring buffer is busy: add() inside its own function");
	lua_settop(L, 3);
	compat_getuservalue(L, 1);
	err = add(L, r, 4);
	if (err)
		return fail(L, -err);
	lua_settop(L, 1);
	return 1;
}

/*** Closes the ring buffer; events that were not delivered are dropped. Closing twice is harmless.
@function ring_buffer:close
@treturn boolean true
@raise inside a function of this ring buffer
@see ring_buffer__free
*/
static int ringbuf_close(lua_State *L)
{
	struct ring *r = luaL_checkudata(L, 1, RINGBUF);

	if (r->delivering)
		return luaL_error(L, "ring buffer is busy: close() inside its own function");
	shut(r);
	lua_pushboolean(L, 1);
	return 1;
}

static int ringbuf_gc(lua_State *L)
{
	shut(class_retire(L, RINGBUF));
	return 0;
}

static int ringbuf_tostring(lua_State *L)
{
	const struct ring *r = luaL_checkudata(L, 1, RINGBUF);

	lua_pushstring(L, r->rb ? "lbpf.ring_buffer" : "lbpf.ring_buffer (closed)");
	return 1;
}

void ringbuf_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"poll", ringbuf_poll},
		{"consume", ringbuf_consume},
		{"consume_n", ringbuf_consume_n},
		{"epoll_fd", ringbuf_epoll_fd},
		{"add", ringbuf_add},
		{"close", ringbuf_close},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {
		{"__gc", ringbuf_gc},
		{"__close", ringbuf_close},
		{"__tostring", ringbuf_tostring},
		{NULL, NULL},
	};

	class_new(L, RINGBUF, methods, meta);
	lua_pushcfunction(L, ringbuf_new);
	lua_setfield(L, -2, "ring_buffer");
}
