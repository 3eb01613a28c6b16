#include "event/ring.h"

#include "base/class.h"
#include "base/value.h"
#include "event/ringbuf.h"
#include "event/ringmap.h"

/*** @module lbpf */
/*** One ring of a ring buffer
@section ring
@usage local events = assert(lbpf.ring_buffer(object.maps.events, print, {type = "event"}))
local ring = events:ring(0)
print(ring:size(), ring:avail_data_size(), ring:map_fd())
print(ring:producer_pos() - ring:consumer_pos())
ring:consume_n(10)
ring:consume()
*/

static const char RING[] = "lbpf.ring";

/* The handle ------------------------------------------------------------------------------ */

struct ring_handle {
	struct ring_map *m;
};

static struct ring_map *check_ring(lua_State *L)
{
	struct ring_map *m = ((struct ring_handle *)class_check(L, 1, RING))->m;

	if (!m->reader)
		luaL_error(L, "ring buffer is closed");
	return m;
}

/* Takes events from this ring alone; its ring buffer replaces it at 1. */
static int take_of_ring(lua_State *L, size_t wanted)
{
	struct ring_map *m = check_ring(L);

	class_env(L, 1);
	lua_getfield(L, -1, "ring_buffer");
	lua_replace(L, 1);
	return ringbuf_take(L, m, wanted);
}

/*** Calls this ring's function for the events that have arrived, after those of any ring that were
read but not delivered.
@function ring:consume
@treturn integer how many events were delivered
@fails
@see ring__consume
*/
static int ring_consume(lua_State *L)
{
	return take_of_ring(L, SIZE_MAX);
}

/*** The same, with at most so many events.
@function ring:consume_n
@tparam integer n at least 1
@treturn integer how many
@fails
@see ring__consume_n
*/
static int ring_consume_n(lua_State *L)
{
	return take_of_ring(L, (size_t)value_check_int(L, 2, 1, INT32_MAX));
}

/*** How many bytes of the ring were read since the map was created.
@function ring:consumer_pos
@treturn integer 64 bits
@see ring__consumer_pos
*/
static int ring_consumer_pos(lua_State *L)
{
	value_push_u64(L, ring_map_consumer_pos(check_ring(L)));
	return 1;
}

/*** How many bytes of the ring were written since the map was created.
@function ring:producer_pos
@treturn integer 64 bits
@see ring__producer_pos
*/
static int ring_producer_pos(lua_State *L)
{
	value_push_u64(L, ring_map_producer_pos(check_ring(L)));
	return 1;
}

/*** How many bytes wait in the ring, including 8 for the header of each event, and those that are
being delivered; `ring_buffer:stats` does not count these.
@function ring:avail_data_size
@treturn integer
@see ring__avail_data_size
*/
static int ring_avail_data_size(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)ring_map_waiting(check_ring(L)));
	return 1;
}

/*** The size of the ring.
@function ring:size
@treturn integer bytes
@see ring__size
*/
static int ring_size(lua_State *L)
{
	value_push_u32(L, check_ring(L)->map.max_entries);
	return 1;
}

/*** A descriptor of the ring's map. The ring buffer owns it.
@function ring:map_fd
@treturn integer
@see ring__map_fd
*/
static int ring_map_fd(lua_State *L)
{
	lua_pushinteger(L, check_ring(L)->map.fd);
	return 1;
}

/*** Returns one of the rings.
@function ring_buffer:ring
@tparam integer index from 0, in the order in which the maps were added
@treturn ring
@see ring_buffer__ring
*/
static int ringbuf_ring(lua_State *L)
{
	struct ring_map *m = ringbuf_map(L, 2);
	struct ring_handle *h = class_push(L, RING, sizeof(*h), 0);

	h->m = m;
	m->refs++;
	class_env(L, -1);
	lua_pushvalue(L, 1);
	lua_setfield(L, -2, "ring_buffer");
	lua_pop(L, 1);
	return 1;
}

static int ring_gc(lua_State *L)
{
	struct ring_handle *h = class_retire(L, RING);

	if (h->m)
		ring_map_unref(h->m);
	return 0;
}

static int ring_tostring(lua_State *L)
{
	const struct ring_map *m = ((struct ring_handle *)class_check(L, 1, RING))->m;

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
	static const luaL_Reg ringbuf_methods[] = {{"ring", ringbuf_ring}, {NULL, NULL}};
	static const luaL_Reg meta[] = {
		{"__gc", ring_gc}, {"__tostring", ring_tostring}, {NULL, NULL}};

	class_new(L, RING, methods, meta);
	ringbuf_add_methods(L, ringbuf_methods);
}
