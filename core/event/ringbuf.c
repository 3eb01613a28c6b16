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

/* The header of a sample in the ring, not included in the sample's size. */
#define SAMPLE_HEADER 8

struct reader {
	struct batch batch; /* first */
	struct batch_wait wait;
	struct ring_buffer *rb; /* NULL once closed */
	struct ring_map **maps;
	int count;                   /* a map's function is in the list at its index + 1 */
	const struct ring_map *only; /* read only this one; NULL: all */
};

/* Copying and delivering ------------------------------------------------------------------ */

/* libbpf's callback. A negative result stops it after this sample, which counts as read. */
static int on_sample(void *ctx, void *data, size_t size)
{
	const struct ring_map *m = ctx;
	struct batch *b = &((struct reader *)m->reader)->batch;

	if (size > m->map.max_entries - SAMPLE_HEADER)
		return b->err = -EBADMSG; /* another consumer reads this ring: the data are garbage
					   */
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

/* Takes up to WANTED samples of one ring, or of all if ONLY is NULL. */
static int take_samples(lua_State *L, struct reader *r, const struct ring_map *only, int timeout,
			size_t wanted)
{
	r->only = only;
	return batch_take(L, &r->batch, timeout, wanted);
}

/*** Waits for events, and calls the functions for all that have arrived.
@function ring_buffer:poll
@tparam ?integer timeout in milliseconds; nil or -1: without limit; 0: do not wait
@treturn integer how many events were delivered; 0 at the timeout, or if a signal arrived that Lua
 handles. If events keep coming, about as many as the rings hold. If a function returned false, the
 remaining events are delivered by the next call
@fails
@raise the error of a function; the events after that one are delivered by the next call
@usage local ring = assert(lbpf.ring_buffer(object.maps.events, print))
print(assert(ring:poll(200)), "events")
@see ring_buffer__poll
*/
static int ringbuf_poll(lua_State *L)
{
	struct reader *r = check_ringbuf(L);

	return take_samples(L, r, NULL, batch_check_timeout(L, 2), SIZE_MAX);
}

/*** Calls the functions for the events that have arrived. Does not wait.
@function ring_buffer:consume
@treturn integer how many events were delivered
@fails
@see ring_buffer__consume
*/
static int ringbuf_consume(lua_State *L)
{
	return take_samples(L, check_ringbuf(L), NULL, 0, SIZE_MAX);
}

/*** The same with at most so many events, with every libbpf.
@function ring_buffer:consume_n
@tparam integer n at least 1
@treturn integer how many events were delivered
@fails
@see ring_buffer__consume_n
*/
static int ringbuf_consume_n(lua_State *L)
{
	struct reader *r = check_ringbuf(L);

	return take_samples(L, r, NULL, 0, (size_t)value_check_int(L, 2, 1, INT32_MAX));
}

/*** Returns the next event of any map. No function is called.
@function ring_buffer:next
@tparam ?integer timeout in milliseconds; nil or -1: without limit; 0: do not wait
@tparam ?integer ahead how many events to take from the ring at once, for this and the next calls;
nil: as many as there are, up to 256 KiB. With 1, no event is taken from the ring before it is
returned
@return the event: its bytes, a table, or a value for each field; nil at the timeout, or if a signal
arrived that Lua handles
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

/*** Returns an iterator over events: `for pid, comm in ring:events() do`. The first field is never
nil. The loop's body may yield, and close the ring buffer's object. The loop ends when no event
arrived before the timeout.
@function ring_buffer:events
@tparam ?integer timeout for each event, in milliseconds; nil or -1: without limit
@treturn function iterator
@raise the message of an error, in the loop
@usage local ring = assert(lbpf.ring_buffer(object.maps.events, nil, {type = "event"}))
for event in ring:events(200) do
  print(event.pid, event.comm)
end
@see ring_buffer:next
*/
static int ringbuf_events(lua_State *L)
{
	check_ringbuf(L);
	return batch_events(L, ringbuf_next);
}

/*** Returns a descriptor for event loops, which is readable while there are events. The ring buffer
owns it.
@function ring_buffer:epoll_fd
@treturn integer the descriptor
@fails
@see ring_buffer__epoll_fd
*/
static int ringbuf_epoll_fd(lua_State *L)
{
	struct reader *r = check_ringbuf(L);

	return batch_epoll_fd(L, &r->batch, ring_buffer__epoll_fd(r->rb));
}

/*** Returns an object for `cqueues.poll`: a table with fields `pollfd` and `events`.
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

/* Sets `lost` in the table on top of the stack, if it is known. */
static void push_lost(lua_State *L, const struct ring_map *m)
{
	const struct owner *object = m->map.object;

	if (!*m->counter || !object_is_loaded(object) || object->closed)
		return;
	class_env(L, 1);
	compat_rawgetp(L, -1, m);
	lua_getfield(L, -1, m->counter);
	lua_setfield(L, -4, "lost");
	lua_pop(L, 2);
}

/*** Returns counters.
@function ring_buffer:stats
@treturn table a list with a table for each map, in the order in which they were added: `events` and
`bytes`: delivered; `waiting`: bytes that are not delivered yet, including 8 for the header of each
event; `lost`: events that did not fit into the ring, if the program counts them in a global
variable named after the map with `_lost` appended: `__u64 events_lost`
@usage local ring = assert(lbpf.ring_buffer(object.maps.events, print))
for _, stats in ipairs(ring:stats()) do
  print(stats.events, stats.waiting)
end
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

/* Creating and closing --------------------------------------------------------------------- */

static void shut_ringbuf(struct reader *r)
{
	if (r->rb)
		ring_buffer__free(r->rb);
	r->rb = NULL;
	for (int i = 0; i < r->count; i++)
		ring_map_close(r->maps[i]);
	batch_close(&r->batch);
}

/* Adds a map to libbpf's ring buffer. Returns 0 or -errno. */
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

/* Finds the variable NAME_lost, in which the program counts events that did not fit into its ring.
 * It belongs to the object, and can be read while that is open.
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
	class_env(L, map);
	vars_push(L, object, lua_gettop(L));
	compat_rawsetp(L, top, m);
	lua_settop(L, top);
	memcpy(m->counter, name, sizeof(name));
}

/* Adds the map, the function and the options at FIRST and after it to the ring buffer at RING, and
 * returns that.
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
	class_env(L, ring);
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

/*** Reads a BPF ring buffer. It keeps the map's object, so programs stay attached while the script
has only the ring buffer, until one of the two is closed. It stays usable when the object is closed.
@function ring_buffer
@tparam map|fd|integer map of type ringbuf, or a descriptor of one
@tparam ?function fn called with each event: its bytes, or what `opts` says; if it returns false,
the call that delivers ends. Without a function use `ring_buffer:next` or `ring_buffer:events`
@tparam ?table opts `type`: the name of the events' type in BTF, such as "event": events are then
tables. `fields`: a list of fields ("pid", "file.name", "stack[1]"), each of which becomes an
argument of its own; this is the fastest. `bytes`, `enum_names`, `numbers`: as for `object:codec`.
If there are events of several types, `type` is a function that is called with an event's bytes and
returns the name of a type or nil; `fn` is then called with that name and the event, and `fields`
has a list for each type name. `btf`: where to look types up if the map is given by its descriptor
@treturn ring_buffer
@fails EINVAL for a map of another type, EBUSY if this process reads the map already
@raise if there is no such type or field
@usage local ring = assert(lbpf.ring_buffer(object.maps.events, function(pid, comm)
  print(pid, comm)
end, {type = "event", fields = {"pid", "comm"}}))
ring:poll(200)
@see ring_buffer__new
*/
static int ringbuf_new(lua_State *L)
{
	struct reader *r;
	int results;

	lua_settop(L, 3);
	r = class_push(L, RINGBUF, sizeof(*r), 0);
	batch_init(&r->batch, &kind, &r->wait);
	results = add_with_options(L, r, 4, 1);
	if (!r->rb)
		shut_ringbuf(r);
	return results;
}

/*** Adds a map, which the same calls then read.
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

/*** Closes the ring buffer, and drops events that were not delivered. A second call has no effect.
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
