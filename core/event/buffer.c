#include "event/buffer.h"

#include "base/value.h"
#include "event/batch.h"
#include "event/interrupt.h"

/*** @module lbpf */
/*** Ring buffers and perf buffers share these methods: `buffer` is either
@section buffers
@usage local ring = assert(lbpf.ring_buffer(object.maps.events, print, {type = "event"}))
print(ring:epoll_fd(), ring:pollable().pollfd) -- for an event loop, which then calls consume:
ring:consume()     -- all that has arrived, without waiting
ring:consume_n(10) -- at most ten
local event = ring:next(0)
if event then
  print(event.pid, event.comm)
end
assert(ring:close())
*/

const char RINGBUF[] = "lbpf.ring_buffer";
const char PERFBUF[] = "lbpf.perf_buffer";

/* The buffer at 1, of either class, which may be closed. */
static struct batch *buffer_at(lua_State *L)
{
	struct batch *b = class_test(L, 1, RINGBUF);

	return b ? b : class_check(L, 1, PERFBUF);
}

static struct batch *check_open(lua_State *L, struct batch *b)
{
	if (b->owner)
		owner_check(L, b->owner);
	if (b->kind->epoll_fd(b) < 0)
		luaL_error(L, "%s is closed", b->kind->name);
	if (b->kind->check)
		b->kind->check(L, b);
	return b;
}

struct batch *buffer_check(lua_State *L, const char *name)
{
	return check_open(L, class_check(L, 1, name));
}

/*** Waits for events, and calls the functions for all that have arrived.
@function buffer:poll
@tparam ?integer timeout in milliseconds; nil or -1: without limit; 0: do not wait
@treturn integer how many events were delivered; 0 at the timeout, if a signal arrived that Lua
handles, or if a perf buffer lost events and none arrived. If events keep coming, about as many as
the buffers hold. If a function returned false, the remaining events are delivered by the next call
@fails
@raise the error of a function; the events after that one are delivered by the next call
@usage local ring = assert(lbpf.ring_buffer(object.maps.events, print))
print(assert(ring:poll(200)), "events")
@see ring_buffer__poll
@see perf_buffer__poll
*/
static int buffer_poll(lua_State *L)
{
	struct batch *b = check_open(L, buffer_at(L));

	interrupt_check(L);
	return batch_take(L, b, -1, batch_check_timeout(L, 2), SIZE_MAX);
}

/*** Calls the functions for the events that have arrived. Does not wait.
@function buffer:consume
@treturn integer how many events were delivered
@fails
@see ring_buffer__consume
@see perf_buffer__consume
*/
static int buffer_consume(lua_State *L)
{
	return batch_take(L, check_open(L, buffer_at(L)), -1, 0, SIZE_MAX);
}

/*** The same with at most so many events, with every libbpf.
@function buffer:consume_n
@tparam integer n at least 1
@treturn integer how many events were delivered
@fails
@see ring_buffer__consume_n
*/
static int buffer_consume_n(lua_State *L)
{
	struct batch *b = check_open(L, buffer_at(L));

	return batch_take(L, b, -1, 0, (size_t)value_check_int(L, 2, 1, INT32_MAX));
}

/*** Returns the next event of any map or CPU. The functions for events are not called; a perf
buffer's function for lost events is.
@function buffer:next
@tparam ?integer timeout in milliseconds; nil or -1: without limit; 0: do not wait
@tparam ?integer ahead how many events of a perf buffer to copy at once, for this and the next
calls; nil: as many as there are, up to 256 KiB. With 1, no event is taken from the buffer before it
is returned; so it is for a ring buffer with any number
@return the event: its bytes, a table, or a value for each field; nil at the timeout, or if a signal
arrived that Lua handles. A perf buffer's event is followed by its CPU
@fails
@see ring_buffer__consume
@see perf_buffer__consume
*/
static int buffer_next(lua_State *L)
{
	struct batch *b = check_open(L, buffer_at(L));
	size_t ahead = SIZE_MAX;

	if (!lua_isnoneornil(L, 3))
		ahead = (size_t)value_check_int(L, 3, 1, INT32_MAX);
	interrupt_check(L);
	return batch_next(L, b, batch_check_timeout(L, 2), ahead);
}

/*** Returns an iterator over events: `for pid, comm in ring:events() do`, or `for bytes, cpu in
perf:events() do`. The first field is never nil. The loop's body may yield, and close the buffer's
object. The loop ends when no event arrived before the timeout.
@function buffer:events
@tparam ?integer timeout for each event, in milliseconds; nil or -1: without limit
@treturn function iterator
@raise the message of an error, in the loop
@usage local ring = assert(lbpf.ring_buffer(object.maps.events, nil, {type = "event"}))
for event in ring:events(200) do
  print(event.pid, event.comm)
end
@see buffer:next
*/
static int buffer_events(lua_State *L)
{
	check_open(L, buffer_at(L));
	return batch_events(L, buffer_next);
}

/*** Returns a descriptor for event loops. It becomes readable when events arrive; a ring buffer's
stays so while there are some. Then call `poll(0)`, `consume` or `next(0)` until there are no more.
The buffer owns the descriptor.
@function buffer:epoll_fd
@treturn integer the descriptor
@fails
@see ring_buffer__epoll_fd
@see perf_buffer__epoll_fd
*/
static int buffer_epoll_fd(lua_State *L)
{
	return batch_epoll_fd(L, check_open(L, buffer_at(L)));
}

/*** Returns an object for `cqueues.poll`: a table with fields `pollfd` and `events`.
@function buffer:pollable
@treturn table
@fails
@see buffer:epoll_fd
*/
static int buffer_pollable(lua_State *L)
{
	int results = batch_epoll_fd(L, check_open(L, buffer_at(L)));

	if (results > 1)
		return results;
	lua_newtable(L);
	lua_insert(L, -2);
	lua_setfield(L, -2, "pollfd");
	lua_pushliteral(L, "r");
	lua_setfield(L, -2, "events");
	return 1;
}

/*** Closes the buffer. A ring's events that were not delivered stay in the map; those of a perf
buffer are dropped. A second call has no effect.
@function buffer:close
@treturn boolean true
@raise inside a function of this buffer
@see ring_buffer__free
@see perf_buffer__free
*/
static int buffer_close(lua_State *L)
{
	struct batch *b = buffer_at(L);

	batch_check_idle(L, b, "close()");
	b->kind->shut(b);
	lua_pushboolean(L, 1);
	return 1;
}

static int buffer_tostring(lua_State *L)
{
	const struct batch *b = buffer_at(L);

	lua_pushfstring(L, "lbpf.%s%s", b->kind->function,
			b->kind->epoll_fd(b) < 0 ? " (closed)" : "");
	return 1;
}

void buffer_class_new(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc)
{
	static const luaL_Reg shared[] = {
		{"poll", buffer_poll},
		{"consume", buffer_consume},
		{"consume_n", buffer_consume_n},
		{"next", buffer_next},
		{"events", buffer_events},
		{"epoll_fd", buffer_epoll_fd},
		{"pollable", buffer_pollable},
		{"close", buffer_close},
		{NULL, NULL},
	};
	const luaL_Reg meta[] = {
		{"__gc", gc},
		{"__close", buffer_close},
		{"__tostring", buffer_tostring},
		{NULL, NULL},
	};

	class_new(L, name, shared, meta);
	class_add_methods(L, name, methods);
}
