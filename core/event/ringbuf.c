#include "event/ringbuf.h"

#include "base/field.h"
#include "base/frame.h"
#include "base/value.h"
#include "event/batch.h"
#include "event/jit_events.h"
#include "event/ringmap.h"
#include "map/map.h"
#include "map/vars.h"
#include "object/object.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*** @module lbpf */
/*** Ring buffers
@section ring_buffers
*/

static const char RINGBUF[] = "lbpf.ring_buffer";

#if LBPF_HEADERS(1, 3)
#pragma weak ring_buffer__ring
#pragma weak ring__consume
#endif

/* The header of a sample in the ring, which its size does not count. */
#define SAMPLE_HEADER 8

struct reader {
	struct batch batch;     /* first */
	struct ring_buffer *rb; /* NULL once closed */
	struct ring_map **maps;
	int count;                   /* a map's function is in the list at its index + 1 */
	const struct ring_map *only; /* read no other */
};

/* Copying and delivering ------------------------------------------------------------------ */

/* libbpf's callback. A negative result stops it after this sample, which counts as read. */
static int on_sample(void *ctx, void *data, size_t size)
{
	const struct ring_map *m = ctx;
	struct batch *b = &((struct reader *)m->reader)->batch;

	if (size > m->map.max_entries - SAMPLE_HEADER)
		return b->err = -EBADMSG; /* somebody else reads this ring: it is garbage */
	if (!batch_copy(b, m->index + 1, data, size))
		return b->err;
	return b->stopped ? -EAGAIN : 0;
}

static int consume_ringbuf(struct batch *b, int timeout)
{
	struct reader *r = (struct reader *)b;

#if LBPF_HEADERS(1, 3)
	if (r->only)
		return ring__consume(ring_buffer__ring(r->rb, (unsigned)r->only->index));
#endif
	return timeout ? ring_buffer__poll(r->rb, timeout) : ring_buffer__consume(r->rb);
}

static int push_ring_sample(lua_State *L, struct batch *b, const struct batch_event *e, int names)
{
	struct ring_map *m = ((struct reader *)b)->maps[e->function - 1];

	m->delivered.events++;
	m->delivered.bytes += e->size;
	return eventtype_push(L, &m->type, b, names, e->data, e->size);
}

static const struct batch_kind kind = {"ring buffer", "ring_buffer", consume_ringbuf,
				       push_ring_sample, false};

static struct reader *check_ringbuf(lua_State *L)
{
	struct reader *r = class_check(L, 1, RINGBUF);

	if (!r->rb)
		luaL_error(L, "ring buffer is closed");
	return r;
}

/* Takes up to WANTED samples; of one ring, or of all if that is NULL. */
static int take_samples(lua_State *L, struct reader *r, const struct ring_map *only, int timeout,
			size_t wanted)
{
	r->only = only;
	return batch_take(L, &r->batch, timeout, wanted);
}

/*** Waits for events, and calls the functions with all that are there.
@function ring_buffer:poll
@tparam ?integer timeout in milliseconds; nil or -1: until there is one; 0: do not wait
@treturn integer how many events were delivered; fewer than waited for if a signal arrived that
 Lua is to see, or if a function returned false: the rest waits for the next call. If events keep
 coming, it is about as many as the rings hold
@fails
@raise whatever a function raised; the events after that one wait for the next call
@see ring_buffer__poll
*/
static int ringbuf_poll(lua_State *L)
{
	struct reader *r = check_ringbuf(L);

	return take_samples(L, r, NULL, batch_check_timeout(L, 2), SIZE_MAX);
}

/*** Calls the functions with the events that are there, and does not wait.
@function ring_buffer:consume
@treturn integer how many
@fails
@see ring_buffer__consume
*/
static int ringbuf_consume(lua_State *L)
{
	return take_samples(L, check_ringbuf(L), NULL, 0, SIZE_MAX);
}

/*** Calls the functions with at most so many events as are there, on every libbpf.
@function ring_buffer:consume_n
@tparam integer n at least 1
@treturn integer how many
@fails
@see ring_buffer__consume_n
*/
static int ringbuf_consume_n(lua_State *L)
{
	struct reader *r = check_ringbuf(L);

	return take_samples(L, r, NULL, 0, (size_t)value_check_int(L, 2, 1, INT32_MAX));
}

/*** The next event, of whichever map; no function is called.
@function ring_buffer:next
@tparam ?integer timeout in milliseconds; nil or -1: until there is one; 0: do not wait
@tparam ?integer ahead how many events are taken from the ring at once, to be returned by the next
 calls: as many as there are, up to 256 KiB, unless given. With 1, what is gone from the ring has
 been returned
@return the event: its bytes, a table, or a value for each field; nil alone if none came in time, or
if a signal arrived that Lua is to see
@fails
@see ring_buffer__consume
*/
static int ringbuf_next(lua_State *L)
{
	struct reader *r = check_ringbuf(L);
	size_t ahead = SIZE_MAX;

	if (!lua_isnoneornil(L, 3))
		ahead = (size_t)value_check_int(L, 3, 1, INT32_MAX);
	r->only = NULL;
	return batch_next(L, &r->batch, batch_check_timeout(L, 2), ahead);
}

/*** For loops over the events as they come: `for pid, comm in ring:events() do`. A field that comes
first is never nil. The loop's body may do
what it likes, yield or close the ring buffer's object; the loop ends when no event came in time.
@function ring_buffer:events
@tparam ?integer timeout for each event, in milliseconds; nil or -1: no end
@treturn function iterator
@raise in the loop, the message of an error
@see ring_buffer:next
*/
static int ringbuf_events(lua_State *L)
{
	check_ringbuf(L);
	return batch_events(L, ringbuf_next);
}

/*** A descriptor that is readable while there are events, for an event loop to wait on. It stays
the ring buffer's.
@function ring_buffer:epoll_fd
@treturn integer
@fails
@see ring_buffer__epoll_fd
*/
static int ringbuf_epoll_fd(lua_State *L)
{
	struct reader *r = check_ringbuf(L);

	return batch_epoll_fd(L, &r->batch, ring_buffer__epoll_fd(r->rb));
}

/*** What `cqueues.poll` waits on: a table with fields `pollfd` and `events`.
@function ring_buffer:pollable
@treturn table
@fails
@see ring_buffer:epoll_fd
*/
static int ringbuf_pollable(lua_State *L)
{
	struct reader *r = check_ringbuf(L);

	return batch_pollable(L, &r->batch, ring_buffer__epoll_fd(r->rb));
}

/* Its rings ------------------------------------------------------------------------------- */

/* Sets `lost` in the table on top, if it is known. */
static void push_lost(lua_State *L, const struct ring_map *m)
{
	const struct owner *object = m->map.object;

	if (!*m->counter || !object_is_loaded(object) || object->closed)
		return;
	compat_getuservalue(L, 1);
	compat_rawgetp(L, -1, m);
	lua_getfield(L, -1, m->counter);
	lua_setfield(L, -4, "lost");
	lua_pop(L, 2);
}

/*** What has happened so far, and what is to come.
@function ring_buffer:stats
@treturn table a list with a table for each map, in the order in which they were added: `events`
 and `bytes` that were delivered; `waiting`: bytes that are not yet, with the 8 of each event's
 header; `lost`: events that the ring had no room for, if the program counts them in a global
variable that has the map's name and `_lost`: `__u64 events_lost`
@see ring__avail_data_size
*/
static int ringbuf_stats(lua_State *L)
{
	const struct reader *r = check_ringbuf(L);

	lua_newtable(L);
	for (int i = 0; i < r->count; i++) {
		const struct ring_map *m = r->maps[i];
		size_t copied = batch_waiting(&r->batch, i + 1, SAMPLE_HEADER);

		batch_push_stats(L, &m->delivered, ring_map_waiting(m) + copied);
		push_lost(L, m);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

struct ring_map *ringbuf_map(lua_State *L, int arg)
{
	struct reader *r = check_ringbuf(L);

	return r->maps[value_check_int(L, arg, 0, r->count - 1)];
}

int ringbuf_take(lua_State *L, struct ring_map *m, size_t wanted)
{
	struct reader *r = check_ringbuf(L);

	if (m->reader != r)
		return luaL_error(L, "a ring of another ring buffer");
	return take_samples(L, r, m, 0, wanted);
}

/* Making and closing ---------------------------------------------------------------------- */

static void shut_ringbuf(struct reader *r)
{
	if (r->rb)
		ring_buffer__free(r->rb);
	r->rb = NULL;
	for (int i = 0; i < r->count; i++)
		ring_map_close(r->maps[i]);
	batch_close(&r->batch);
}

/* Has libbpf read one more map. 0, or -errno. */
static int add_map(struct reader *r, struct ring_map *m, int fd)
{
	int err = ring_map_open(m, fd);

	if (err)
		return err;
	if (r->rb) {
		err = ring_buffer__add(r->rb, m->map.fd, on_sample, m);
		return err ? -value_errno(err) : 0;
	}
	r->rb = ring_buffer__new(m->map.fd, on_sample, m, NULL);
	err = -value_pointer_error(r->rb);
	if (err)
		r->rb = NULL;
	return err;
}

static int add_source(struct reader *r, int fd)
{
	struct ring_map *m, **more = realloc(r->maps, ((size_t)r->count + 1) * sizeof(*more));
	int err;

	if (!more)
		return -ENOMEM;
	r->maps = more;
	m = ring_map_new(r->count);
	if (!m)
		return -ENOMEM;
	m->reader = r;
	err = add_map(r, m, fd);
	if (err) {
		ring_map_close(m);
		ring_map_unref(m);
		return err;
	}
	r->maps[r->count++] = m;
	r->batch.capacity += m->map.max_entries;
	return 0;
}

/* Where the program counts the events that its ring had no room for: a variable NAME_lost. It is
 * the object's, so it can be read while that is open.
 */
static void find_counter(lua_State *L, struct ring_map *m, int map)
{
	struct owner *object = m->map.object;
	int top = lua_gettop(L);
	char name[sizeof(m->counter)];

	if (!object || object->closed)
		return;
	snprintf(name, sizeof(name), "%s_lost", bpf_map__name(map_test(L, map)));
	if (!vars_has(object, name))
		return;
	compat_getuservalue(L, map);
	vars_push(L, object, lua_gettop(L));
	compat_rawsetp(L, top, m);
	lua_settop(L, top);
	memcpy(m->counter, name, sizeof(name));
}

/* Adds the map, the function and the options from FIRST on to the ring buffer at RING, and returns
 * that.
 */
static int add_with_options(lua_State *L, struct reader *r, int ring, int first)
{
	static const struct field fields[] = {EVENTTYPE_FIELDS, FIELDS_END};
	int map = first, fn = first + 1, options = first + 2;
	struct eventtype_opts opts = {0};
	int fd = endpoint_check(L, map), err;
	struct eventtype type;
	struct frame f;

	if (!lua_isnil(L, fn))
		luaL_checktype(L, fn, LUA_TFUNCTION);
	field_read(L, options, fields, &opts);
	compat_getuservalue(L, ring);
	if (lua_isnil(L, fn))
		lua_pushboolean(L, 0);
	else
		lua_pushvalue(L, fn);
	lua_rawseti(L, -2, r->count + 1);
	eventtype_init(L, &type, options, map, &opts);
	lua_rawseti(L, -2, -r->count - 1);
	frame_enter(L, &f, NULL, 0);
	err = add_source(r, fd);
	frame_leave(&f);
	if (err) {
		eventtype_free(&type);
		return endpoint_fail(L, &f, map, -err, "ring_buffer");
	}
	r->maps[r->count - 1]->type = type;
	if (!type.btf)
		jit_events_add(L, &r->batch, r->count, type.codec,
			       &r->maps[r->count - 1]->delivered, false);
	endpoint_keep(L, &r->maps[r->count - 1]->map, map);
	find_counter(L, r->maps[r->count - 1], map);
	lua_pushvalue(L, ring);
	return 1;
}

/*** Reads a BPF ring buffer. It keeps the map's object, whose programs stay attached though the
script forgets it, until that is closed or the ring buffer; and it lives on when the object is
closed.
@function ring_buffer
@tparam map|fd|integer map of type ringbuf, or a descriptor of one
@tparam ?function fn called with each event: its bytes, or what `opts` says; returning false ends
 the call that delivers. Without it there are `ring_buffer:next` and `ring_buffer:events`
@tparam ?table opts `type`: the name of the events' type in BTF, "event": an event is then a table;
 `fields`: only these ("pid", "file.name", "stack[1]"), and each is an argument of its own, which is
 the fastest; `enum_names`, `numbers` (boolean): as for `object:codec`. `type` may be a function,
 where events are of several types: it is called with an event's bytes, and returns the name of a
type or nil; `fn` is then called with that name, and the event; `fields` has a list for each type,
by its name. `btf`: where types are looked up if the map is given by its descriptor
@treturn ring_buffer
@fails EINVAL for a map of another type, EBUSY if this process reads the map already
@raise if there is no such type or field
@see ring_buffer__new
*/
static int ringbuf_new(lua_State *L)
{
	struct reader *r;
	int results;

	lua_settop(L, 3);
	r = class_push(L, RINGBUF, sizeof(*r), 0);
	batch_init(&r->batch, &kind);
	results = add_with_options(L, r, 4, 1);
	if (!r->rb)
		shut_ringbuf(r);
	return results;
}

/*** Reads one more map with the same calls.
@function ring_buffer:add
@tparam map|fd|integer map of type ringbuf, or a descriptor of one
@tparam ?function fn called with each of its events
@tparam ?table opts as for `ring_buffer`
@treturn ring_buffer itself
@fails
@raise inside a function of this ring buffer
@see ring_buffer__add
*/
static int ringbuf_add(lua_State *L)
{
	struct reader *r = check_ringbuf(L);

	batch_check_idle(L, &r->batch, "add()");
	lua_settop(L, 4);
	return add_with_options(L, r, 1, 2);
}

/*** Closes the ring buffer; events that were not delivered are dropped. Closing twice is harmless.
@function ring_buffer:close
@treturn boolean true
@raise inside a function of this ring buffer
@see ring_buffer__free
*/
static int ringbuf_close(lua_State *L)
{
	struct reader *r = class_check(L, 1, RINGBUF);

	batch_check_idle(L, &r->batch, "close()");
	shut_ringbuf(r);
	lua_pushboolean(L, 1);
	return 1;
}

static int ringbuf_gc(lua_State *L)
{
	struct reader *r = class_retire(L, RINGBUF);

	shut_ringbuf(r);
	while (r->count > 0)
		ring_map_unref(r->maps[--r->count]);
	free(r->maps);
	batch_free(&r->batch);
	return 0;
}

static int ringbuf_tostring(lua_State *L)
{
	const struct reader *r = class_check(L, 1, RINGBUF);

	lua_pushstring(L, r->rb ? "lbpf.ring_buffer" : "lbpf.ring_buffer (closed)");
	return 1;
}

void ringbuf_add_methods(lua_State *L, const luaL_Reg *methods)
{
	class_add_methods(L, RINGBUF, methods);
}

void ringbuf_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"poll", ringbuf_poll},
		{"consume", ringbuf_consume},
		{"consume_n", ringbuf_consume_n},
		{"next", ringbuf_next},
		{"events", ringbuf_events},
		{"epoll_fd", ringbuf_epoll_fd},
		{"pollable", ringbuf_pollable},
		{"stats", ringbuf_stats},
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
