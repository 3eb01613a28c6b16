#include "event/ring.h"

#include "base/class.h"
#include "base/value.h"
#include "event/ringbuf.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/*** @module lbpf */
/*** One ring of a ring buffer
@section ring
*/

static const char RING[] = "lbpf.ring";

/* The consumer's position, and on the next page the producer's. */
static size_t pages_size(void)
{
	return 2 * (size_t)sysconf(_SC_PAGESIZE);
}

struct ring_map *ring_map_new(int index)
{
	struct ring_map *m = calloc(1, sizeof(*m));

	if (m)
		*m = (struct ring_map){.map.fd = -1, .index = index, .refs = 1};
	return m;
}

int ring_map_open(struct ring_map *m, int fd)
{
	int err = endpoint_open(&m->map, fd, BPF_MAP_TYPE_RINGBUF);
	void *pages;

	if (err)
		return err;
	pages = mmap(NULL, pages_size(), PROT_READ, MAP_SHARED, m->map.fd, 0);
	if (pages == MAP_FAILED)
		return -errno;
	m->pages = pages;
	return 0;
}

void ring_map_unref(struct ring_map *m)
{
	if (--m->refs)
		return;
	eventtype_free(&m->type);
	free(m);
}

void ring_map_close(struct ring_map *m)
{
	if (m->pages)
		munmap((void *)m->pages, pages_size());
	m->pages = NULL;
	endpoint_close(&m->map);
	if (m->object)
		owner_unref(m->object);
	m->object = NULL;
	m->reader = NULL;
}

static unsigned long position(const struct ring_map *m, int page)
{
	const char *at = m->pages + (long)page * sysconf(_SC_PAGESIZE);

	return __atomic_load_n((const unsigned long *)at, __ATOMIC_ACQUIRE);
}

static unsigned long consumer_pos(const struct ring_map *m)
{
	return position(m, 0);
}

static unsigned long producer_pos(const struct ring_map *m)
{
	return position(m, 1);
}

size_t ring_map_waiting(const struct ring_map *m)
{
	unsigned long consumer = consumer_pos(m);

	return producer_pos(m) - consumer;
}

/* The handle ------------------------------------------------------------------------------ */

struct handle {
	struct ring_map *m;
};

void ring_push(lua_State *L, struct ring_map *m, int ring_buffer)
{
	struct handle *h;

	ring_buffer = lua_absindex(L, ring_buffer);
	h = class_push(L, RING, sizeof(*h), 0);
	h->m = m;
	m->refs++;
	compat_getuservalue(L, -1);
	lua_pushvalue(L, ring_buffer);
	lua_setfield(L, -2, "ring_buffer");
	lua_pop(L, 1);
}

static struct ring_map *check(lua_State *L)
{
	struct ring_map *m = ((struct handle *)class_check(L, 1, RING))->m;

	if (!m->reader)
		luaL_error(L, "ring buffer is closed");
	return m;
}

/* Takes from this ring alone; its ring buffer takes its place at 1. */
static int take(lua_State *L, const char *method, size_t wanted)
{
	struct ring_map *m = check(L);

	if (!LBPF_HEADERS(1, 3) || !compat_libbpf(1, 3))
		return value_needs_libbpf(L, method, 1, 3);
	compat_getuservalue(L, 1);
	lua_getfield(L, -1, "ring_buffer");
	lua_replace(L, 1);
	return ringbuf_take(L, m, wanted);
}

/*** Calls this ring's function with the events that are there; before them, what had been copied of
any ring and not delivered.
@function ring:consume
@treturn integer how many
@fails EOPNOTSUPP on libbpf before 1.3
@see ring__consume
*/
static int ring_consume(lua_State *L)
{
	return take(L, "ring:consume", SIZE_MAX);
}

/*** The same with at most so many events.
@function ring:consume_n
@tparam integer n at least 1
@treturn integer how many
@fails EOPNOTSUPP on libbpf before 1.3
@see ring__consume_n
*/
static int ring_consume_n(lua_State *L)
{
	return take(L, "ring:consume_n", (size_t)value_check_int(L, 2, 1, INT32_MAX));
}

/*** How many bytes of the ring were read since the map exists.
@function ring:consumer_pos
@treturn integer of 64 bits
@see ring__consumer_pos
*/
static int ring_consumer_pos(lua_State *L)
{
	value_push_u64(L, consumer_pos(check(L)));
	return 1;
}

/*** How many bytes of the ring were written since the map exists.
@function ring:producer_pos
@treturn integer of 64 bits
@see ring__producer_pos
*/
static int ring_producer_pos(lua_State *L)
{
	value_push_u64(L, producer_pos(check(L)));
	return 1;
}

/*** How many bytes wait in the ring, with the 8 of each event's header, and without what was copied
from it and waits to be delivered: `ring_buffer:stats` has both.
@function ring:avail_data_size
@treturn integer
@see ring__avail_data_size
*/
static int ring_avail_data_size(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)ring_map_waiting(check(L)));
	return 1;
}

/*** The size of the ring.
@function ring:size
@treturn integer bytes
@see ring__size
*/
static int ring_size(lua_State *L)
{
	value_push_u32(L, check(L)->map.max_entries);
	return 1;
}

/*** A descriptor of the ring's map. It stays the ring buffer's.
@function ring:map_fd
@treturn integer
@see ring__map_fd
*/
static int ring_map_fd(lua_State *L)
{
	lua_pushinteger(L, check(L)->map.fd);
	return 1;
}

static int ring_gc(lua_State *L)
{
	struct handle *h = class_retire(L, RING);

	if (h->m)
		ring_map_unref(h->m);
	return 0;
}

static int ring_tostring(lua_State *L)
{
	const struct ring_map *m = ((struct handle *)class_check(L, 1, RING))->m;

	lua_pushstring(L, m->reader ? "lbpf.ring" : "lbpf.ring (closed)");
	return 1;
}

void ring_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"consume", ring_consume},
		{"consume_n", ring_consume_n},
		{"consumer_pos", ring_consumer_pos},
		{"producer_pos", ring_producer_pos},
		{"avail_data_size", ring_avail_data_size},
		{"size", ring_size},
		{"map_fd", ring_map_fd},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {
		{"__gc", ring_gc}, {"__tostring", ring_tostring}, {NULL, NULL}};

	class_new(L, RING, methods, meta);
}
