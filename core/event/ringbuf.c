#include "event/ringbuf.h"

#include "base/field.h"
#include "base/frame.h"
#include "base/value.h"
#include "event/batch.h"
#include "event/buffer.h"
#include "event/columns.h"
#include "event/jit_events.h"
#include "event/ringmap.h"
#include "map/map.h"
#include "map/variable.h"
#include "map/vars.h"
#include "object/object.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/*** @module lbpf */
/*** Ring buffers
@section ring_buffers
*/

struct reader {
	struct batch batch; /* first */
	struct batch_wait wait;
	bool is_open;
	int epoll; /* of the maps' descriptors */
	struct ring_map **maps;
	int count; /* a map's function is in the list at its index + 1 */
	int first; /* begin with this map */
};

/* Reading and delivering ------------------------------------------------------------------ */

static struct ring_map *current_map(const struct batch *b)
{
	return ((const struct reader *)b)->maps[b->function - 1];
}

static void release_ring(struct batch *b)
{
	ring_map_release(current_map(b), b->cursor.next);
}

/* Takes what is ready in a ring. Returns how many events, or -errno. */
static int read_ring(struct batch *b, struct ring_map *m)
{
	size_t wanted = b->wanted;

	/* lists of equal lengths need not be shortened */
	if (m->type.columns && wanted > COLUMNS_LONGEST)
		wanted = COLUMNS_LONGEST;
	b->err = ring_map_read(m, b, wanted);
	if (b->err)
		return b->err;
	m->delivered.events += b->passed.events;
	m->delivered.bytes += b->passed.bytes;
	if (b->all.events + b->passed.events > 0) {
		b->function = m->index + 1;
		b->delivered = &m->delivered;
		b->stopped = true; /* there may be more */
	}
	return (int)(b->all.events + b->passed.events);
}

/* Takes what is ready in the next ring that has events, so that a flood of events in one does not
 * block the others.
 */
static int read_rings(struct reader *r)
{
	int n = 0;

	if (r->batch.only >= 0)
		return read_ring(&r->batch, r->maps[r->batch.only]);
	for (int i = 0; i < r->count && n == 0; i++) {
		n = read_ring(&r->batch, r->maps[r->first % r->count]);
		r->first = (r->first + 1) % r->count;
	}
	return n;
}

static int consume_ringbuf(struct batch *b, int timeout)
{
	struct reader *r = (struct reader *)b;
	struct epoll_event event;
	int n = read_rings(r);

	if (n || timeout == 0)
		return n;
	if (epoll_wait(r->epoll, &event, 1, timeout) < 0)
		return -errno;
	return read_rings(r);
}

static int push_ring_sample(lua_State *L, struct batch *b, const struct batch_event *e,
			    const struct batch_places *at)
{
	return eventtype_push(L, &current_map(b)->type, b, at, e->data, e->size);
}

static bool wrap_ring_next(lua_State *L, const struct batch *b, const struct batch_places *at,
			   int slow)
{
	const struct reader *r = (const struct reader *)b;

	return r->count && eventtype_wrap_next(L, &r->maps[0]->type, at, slow, "next");
}

static int ring_columns(const struct batch *b, const struct batch_event *e)
{
	return eventtype_columns(&current_map(b)->type, e->size);
}

static int ringbuf_epoll_fd(const struct batch *b)
{
	const struct reader *r = (const struct reader *)b;

	return r->is_open ? r->epoll : -1;
}

static void shut_ringbuf(struct batch *b)
{
	struct reader *r = (struct reader *)b;

	if (r->is_open)
		close(r->epoll);
	r->is_open = false;
	for (int i = 0; i < r->count; i++)
		ring_map_close(r->maps[i]);
	batch_close(b);
}

static const struct batch_kind kind = {
	.name = "ring buffer",
	.function = "ring_buffer",
	.consume = consume_ringbuf,
	.release = release_ring,
	.push = push_ring_sample,
	.wrap = wrap_ring_next,
	.columns = ring_columns,
	.deliver_columns = columns_deliver,
	.epoll_fd = ringbuf_epoll_fd,
	.shut = shut_ringbuf,
};

static struct reader *check_ringbuf(lua_State *L)
{
	return (struct reader *)buffer_check(L, RINGBUF);
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

/* How many bytes wait in a ring. Those that were delivered may not be released yet. */
static size_t waiting(const struct batch *b, const struct ring_map *m)
{
	if (b->function == m->index + 1 && b->cursor.used > 0)
		return ring_map_producer_pos(m) - m->start - (unsigned long)b->cursor.next;
	return ring_map_waiting(m);
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
	struct reader *r = check_ringbuf(L);
	struct batch *b = &r->batch;

	if (b->function)
		batch_count(b);
	lua_newtable(L);
	for (int i = 0; i < r->count; i++) {
		const struct ring_map *m = r->maps[i];

		batch_push_stats(L, &m->delivered, waiting(b, m));
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
	return batch_take(L, &r->batch, m->index, 0, wanted);
}

/* Creating -------------------------------------------------------------------------------- */

/* Opens a map, and the epoll set for the first one. Returns 0 or -errno. */
static int add_map(struct reader *r, struct ring_map *m, int fd)
{
	int err = ring_map_open(m, fd);

	if (err)
		return err;
	if (!r->is_open) {
		r->epoll = epoll_create1(EPOLL_CLOEXEC);
		if (r->epoll < 0)
			return -errno;
		r->is_open = true;
	}
	return batch_watch(r->epoll, m->map.fd);
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
	if (!variable_count(object, name))
		return;
	class_env(L, map);
	vars_push(L, object, lua_gettop(L));
	compat_rawsetp(L, top, m);
	lua_settop(L, top);
	memcpy(m->counter, name, sizeof(name));
}

/* The type of events of a map that is being added: Lua may raise before the ring buffer has it. */
static const char ADDED[] = "lbpf.ring_buffer.added";

static int added_gc(lua_State *L)
{
	eventtype_free(class_retire(L, ADDED));
	return 0;
}

/* Adds the map, the function and the options at FIRST and after it to the ring buffer at RING, and
 * returns that.
 */
static int add_with_options(lua_State *L, struct reader *r, int ring, int first)
{
	static const struct field fields[] = {EVENTTYPE_FIELDS, FIELDS_END};
	int map = first, fn = first + 1, options = first + 2;
	struct eventtype_opts opts = {0};
	int fd = endpoint_check(L, map), count = r->count, err;
	struct eventtype *type;
	struct ring_map *m;
	struct frame f;

	field_read(L, options, fields, &opts);
	type = class_push(L, ADDED, sizeof(*type), ring);
	class_env(L, ring);
	if (lua_isnil(L, fn))
		lua_pushboolean(L, 0);
	else
		lua_pushvalue(L, fn);
	lua_rawseti(L, -2, count + 1);
	eventtype_init(L, type, options, map, fn, &opts);
	lua_rawseti(L, -2, -count - 1);
	if (r->count != count || (count && !r->is_open))
		luaL_error(L, "a finalizer has changed the ring buffer meanwhile");
	frame_enter(L, &f, NULL, 0);
	err = add_source(r, fd);
	frame_leave(&f);
	if (err)
		return endpoint_fail(L, &f, map, -err, "ring_buffer");
	m = r->maps[count];
	m->type = *type;
	*type = (struct eventtype){0};
	r->batch.passes |= m->type.aggregates != NULL;
	if (!m->type.btf && !m->type.columns && !m->type.aggregates) {
		jit_events_add(L, &r->batch, r->count, m->type.codec, false);
		eventtype_wrap(L, &m->type, r->count, "event");
	}
	endpoint_keep(L, &m->map, map);
	find_counter(L, m, map);
	lua_pushvalue(L, ring);
	return 1;
}

/*** Reads a BPF ring buffer. It keeps the map's object, so programs stay attached while the script
has only the ring buffer, until one of the two is closed. It stays usable when the object is closed.
@function ring_buffer
@tparam map|fd|integer map of type ringbuf, or a descriptor of one
@tparam ?function|aggregate|table fn called with each event: its bytes, or what `opts` says; if it
returns false, the call that delivers ends. Without a function use `buffer:next` or `buffer:events`.
An aggregate, or a list of them, gets the events instead: see `lbpf.aggregate`
@tparam ?table opts `type`: the name of the events' type in BTF, such as "event": events are then
tables. `fields`: a list of fields ("pid", "file.name", "stack[1]"), each of which becomes an
argument of its own; this is the fastest. `bytes`, `enum_names`, `numbers`: as for `object:codec`.
If there are events of several types, `type` is a function that is called with an event's bytes and
returns the name of a type or nil; `fn` is then called with that name and the event, and `fields`
has a list for each type name. `reuse`: true: an event is read into the table of the one before, and
so are its nested tables; copy what you keep. `batch`: true: `fn` is called once for up to 256
events, with their number and a list for each field (or one list, of bytes or of integers), in which
event `i` is at `i`; the next call fills the same lists again. If `fn` raises, the events of that
call count as delivered. `layout`: the types' declarations in C, see
`lbpf.layout`, where BTF lacks them, as that of what only a program's code uses: "struct event { u32
pid; char comm[16]; }"; without `type` it is the last that is declared. `btf`: where to look types
up, if not in the BTF of the map's object. A field may also be "data[length]": of an array as many
elements as another member says, of char all their bytes
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
	if (r->count == 0)
		shut_ringbuf(&r->batch);
	return results;
}

/*** Adds a map, which the same calls then read.
@function ring_buffer:add
@tparam map|fd|integer map of type ringbuf, or a descriptor of one
@tparam ?function|aggregate|table fn called with each of its events, or what adds them up
@tparam ?table opts as for `ring_buffer`
@treturn ring_buffer itself
@fails
@raise inside a function of this ring buffer
@usage local other = assert(lbpf.map_create("ringbuf", "other", 0, 0, 65536))
local ring = assert(lbpf.ring_buffer(object.maps.events, print, {type = "event"}))
assert(ring:add(other, function(bytes) print(#bytes) end))
ring:poll(0) -- both
@see ring_buffer__add
*/
static int ringbuf_add(lua_State *L)
{
	struct reader *r = check_ringbuf(L);

	batch_check_idle(L, &r->batch, "add()");
	lua_settop(L, 4);
	return add_with_options(L, r, 1, 2);
}

static int ringbuf_gc(lua_State *L)
{
	struct reader *r = class_retire(L, RINGBUF);

	shut_ringbuf(&r->batch);
	while (r->count > 0)
		ring_map_unref(r->maps[--r->count]);
	free(r->maps);
	batch_free(&r->batch);
	return 0;
}

void ringbuf_add_methods(lua_State *L, const luaL_Reg *methods)
{
	class_add_methods(L, RINGBUF, methods);
}

void ringbuf_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"stats", ringbuf_stats},
		{"add", ringbuf_add},
		{NULL, NULL},
	};

	static const luaL_Reg none[] = {{NULL, NULL}},
			      added_meta[] = {{"__gc", added_gc}, {NULL, NULL}};

	class_new(L, ADDED, none, added_meta);
	buffer_class_new(L, RINGBUF, methods, ringbuf_gc);
	lua_pushcfunction(L, ringbuf_new);
	lua_setfield(L, -2, "ring_buffer");
}
