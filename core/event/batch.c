#include "event/batch.h"

#include "base/clock.h"
#include "base/iterator.h"
#include "base/traceback.h"
#include "base/value.h"
#include "btf/codec.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The time at which a wait ends; not called if there is no timeout. */
static long end_of(int timeout)
{
	return timeout > 0 ? clock_milliseconds() + timeout : 0;
}

static bool has_events(const struct batch *b)
{
	struct batch_event e;

	return batch_read(b, b->cursor.next, &e) > 0;
}

/* Fills the empty batch, waiting for the first event, also if that is not copied. Returns 0, also
 * if none came, or -errno. Raises if a finalizer closed the buffer after the method was called.
 */
static int fill(lua_State *L, struct batch *b, int timeout)
{
	long end = end_of(timeout);
	int ret;

	if (b->closed)
		luaL_error(L, "%s is closed", b->kind->name);
	b->cursor.next = b->cursor.used; /* what is left was discarded */
	batch_settle(b);
	b->passed = (struct batch_counters){0};
	for (;;) {
		batch_empty(b);
		b->err = 0;
		b->stopped = false;
		ret = b->kind->consume(b, timeout);
		if (b->err)
			return b->err;
		if (b->stopped || has_events(b) || b->passed.events > 0)
			return 0;
		if (ret < 0 && value_errno(ret) != EINTR)
			return -value_errno(ret);
		/* The handler of a signal may have set a hook, as the interpreter does for Ctrl-C:
		 * return, so that Lua runs it.
		 */
		if (timeout == 0 || (ret < 0 && lua_gethook(L)))
			return 0;
		if (timeout > 0)
			timeout =
				end > clock_milliseconds() ? (int)(end - clock_milliseconds()) : 0;
	}
}

void batch_push_table(lua_State *L, int table, int key)
{
	lua_rawgeti(L, table, key);
	if (lua_istable(L, -1))
		return;
	lua_pop(L, 1);
	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_rawseti(L, table, key);
}

/* Delivering ------------------------------------------------------------------------------ */

void batch_check_idle(lua_State *L, const struct batch *b, const char *what)
{
	if (b->cursor.delivering)
		luaL_error(L, "%s is busy: %s inside its own function", b->kind->name, what);
}

/* The stack of deliver(): what belongs to the function of the current events. The function's
 * results follow.
 */
enum { FUNCTIONS = 2, NAMES, AGAIN, FUNCTION, COMPILED };

/* For a structure's members, and for the function of maker_wrap() that gets them: where Lua must
 * make place for its frame, it collects garbage, and finalizers may change what is filled again.
 */
#define EVENT_STACK 160

/* Pushes the function's event names, a table also if the debug library has put something else in
 * its place, and what is filled again. May allocate.
 */
static struct batch_places push_places(lua_State *L, int functions, int function)
{
	struct batch_places at = {.names = lua_gettop(L) + 1, .again = lua_gettop(L) + 2};

	lua_rawgeti(L, functions, -function);
	if (!lua_istable(L, -1)) {
		lua_newtable(L);
		lua_replace(L, -2);
	}
	lua_rawgeti(L, -1, BATCH_REUSED);
	return at;
}

enum compiled { COMPILED_PUSH = 1, COMPILED_PULL };

/* Pushes the code that was compiled for the function, or nil. */
static void push_compiled(lua_State *L, int functions, int function, enum compiled which)
{
	int top = lua_gettop(L);

	lua_rawgeti(L, functions, BATCH_COMPILED);
	if (lua_istable(L, -1))
		lua_rawgeti(L, -1, function);
	if (lua_istable(L, -1))
		lua_rawgeti(L, -1, (int)which);
	else
		lua_pushnil(L);
	lua_replace(L, top + 1);
	lua_settop(L, top + 1);
}

/* Makes FUNCTION the current one; returns whether there is compiled code for it. */
static bool switch_to(lua_State *L, const struct batch *b, int function)
{
	lua_settop(L, FUNCTIONS);
	luaL_checkstack(L, EVENT_STACK, "too many values");
	push_places(L, FUNCTIONS, function);
	lua_rawgeti(L, FUNCTIONS, function);
	if (!lua_toboolean(L, FUNCTION))
		luaL_error(L, "%s has no function: use next() or events()", b->kind->name);
	push_compiled(L, FUNCTIONS, function, COMPILED_PUSH);
	return lua_isfunction(L, COMPILED);
}

/* The place after the next LIMIT events. */
static int32_t place_after(const struct batch *b, size_t limit)
{
	int32_t place = b->cursor.next, end;
	struct batch_event e;

	if (limit >= b->all.events)
		return b->cursor.used;
	for (; limit > 0 && (end = batch_read(b, place, &e)); limit -= !e.is_news)
		place = end;
	return place;
}

/* Calls the compiled code for a run of up to LIMIT events of one function; returns how many it
 * delivered. */
static size_t deliver_run(lua_State *L, struct batch *b, size_t limit, bool *stop)
{
	uint64_t before;

	batch_count(b);
	before = b->delivered->events;
	b->cursor.last = place_after(b, limit);
	lua_pushvalue(L, COMPILED);
	lua_pushvalue(L, FUNCTION);
	lua_call(L, 1, 1);
	*stop = lua_toboolean(L, -1);
	lua_pop(L, 1);
	batch_count(b);
	return (size_t)(b->delivered->events - before);
}

/* Calls the function with an event; returns true if it returned false. Most functions return
 * nothing: then the result is not examined.
 */
static bool deliver_event(lua_State *L, struct batch *b, const struct batch_event *e)
{
	static const struct batch_places at = {NAMES, AGAIN, true};
	bool stop;

	lua_pushvalue(L, FUNCTION);
	lua_call(L, b->kind->push(L, b, e, &at), LUA_MULTRET);
	if (lua_gettop(L) == COMPILED)
		return false;
	stop = lua_isboolean(L, COMPILED + 1) && !lua_toboolean(L, COMPILED + 1);
	lua_settop(L, COMPILED);
	return stop;
}

/* (batch, functions): calls the functions with the events of the batch, up to its limit; with limit
 * 0, only for news before the next event. Returns how many events, and whether a function asked to
 * stop.
 */
static int deliver(lua_State *L)
{
	struct batch *b = lua_touserdata(L, 1);
	bool stop = false, is_compiled = false;
	int current = 0, columns;
	struct batch_event e;
	int32_t end;
	size_t n = 0;

	while (!stop && (end = batch_read(b, b->cursor.next, &e))) {
		int function = e.is_news ? b->kind->news : b->function;

		if (!e.is_news && n == b->limit)
			break;
		if (function != current)
			is_compiled = switch_to(L, b, current = function);
		columns = e.is_news ? 0 : b->kind->columns(b, &e);
		if (columns) {
			n += b->kind->deliver_columns(L, b, NAMES, FUNCTION, columns, b->limit - n,
						      &stop);
			continue;
		}
		if (is_compiled && !e.is_news) {
			int32_t before = b->cursor.next;

			n += deliver_run(L, b, b->limit - n, &stop);
			if (b->cursor.next != before)
				continue;
		}
		n += !e.is_news;
		b->cursor.next = end; /* also if the function raises */
		stop = deliver_event(L, b, &e);
	}
	lua_pushinteger(L, (lua_Integer)n);
	lua_pushboolean(L, stop);
	return 2;
}

static void update_wake(struct batch *b)
{
	bool waiting = has_events(b) || (b->stopped && b->kind->tells_once);
	eventfd_t count;

	if (waiting == b->woken)
		return;
	if (waiting)
		eventfd_write(b->wait->wake, 1);
	else
		eventfd_read(b->wait->wake, &count);
	b->woken = waiting;
}

/* Makes the descriptor readable for events that waited in the batch, which libbpf's does not show.
 */
static inline void wake(struct batch *b)
{
	if (b->wait->wake >= 0)
		update_wake(b);
}

int batch_call(lua_State *L, struct batch *b, int args, int results)
{
	int32_t before = b->cursor.delivering;
	int handler = lua_gettop(L) - args, status;

	traceback_push_handler(L);
	lua_insert(L, handler);
	b->cursor.delivering = true;
	if (b->owner)
		b->owner->busy++;
	status = lua_pcall(L, args, results, handler);
	lua_remove(L, handler);
	if (b->owner)
		b->owner->busy--;
	b->cursor.delivering = before;
	return status;
}

/* Delivers events, and leaves deliver()'s results on the stack; raises a function's error. */
static void deliver_some(lua_State *L, struct batch *b, size_t limit)
{
	int status;

	lua_pushcfunction(L, deliver);
	lua_pushvalue(L, 1);
	class_env(L, 1);
	b->limit = limit;
	status = batch_call(L, b, 2, 2);
	batch_settle(b);
	wake(b);
	if (status)
		lua_error(L);
}

int batch_take(lua_State *L, struct batch *b, int only, int timeout, size_t wanted)
{
	size_t total = 0, taken = 0;
	bool stop;
	int err = 0;

	batch_check_idle(L, b, "polled");
	lua_settop(L, 1);
	b->only = only;
	do {
		b->wanted = wanted - total;
		if (!has_events(b)) {
			err = fill(L, b, timeout);
			taken += (size_t)(b->cursor.used - b->cursor.next) + b->passed.bytes;
			total += b->passed.events;
		}
		timeout = 0;
		deliver_some(L, b, wanted - total);
		total += (size_t)lua_tointeger(L, -2);
		stop = lua_toboolean(L, -1);
		lua_settop(L, 1);
	} while (b->stopped && !stop && !err && total < wanted && taken < b->capacity);
	if (err && total == 0)
		return value_fail(L, -err, "%s", b->kind->function);
	lua_pushinteger(L, (lua_Integer)total);
	return 1;
}

/* Reads the next event if it is FUNCTION's, with no news before it. Returns the place after it, or
 * 0. A closed buffer has none, and one that was finalized has no owner that could be asked.
 */
static inline int32_t read_next(const struct batch *b, int function, struct batch_event *e)
{
	int32_t end = b->function == function ? batch_read(b, b->cursor.next, e) : 0;

	if (!end || e->is_news || b->cursor.delivering || (b->owner && b->owner->closed))
		return 0;
	return end;
}

/* A finalizer may run at any allocation, and interrupt the reading of an event by polling the same
 * buffer. So the reader claims the event, whose memory is kept, and calls that come meanwhile read
 * copies of their own. After an error the claim remains, and later calls read such copies as well.
 */
static void claim_event(struct batch *b, const struct batch_event *e, int32_t end)
{
	b->cursor.reading = b->cursor.fill;
	batch_consume(b, e->size, end);
	wake(b);
}

/* Copies the next event, which is FUNCTION's, to a userdata and pushes it. False if it is gone. */
static bool copy_next(lua_State *L, struct batch *b, int function, struct batch_event *e)
{
	size_t size = e->size;
	char *copy = compat_newuserdata(L, size);
	int32_t end = read_next(b, function, e);

	if (!end || e->size != size)
		return false;
	memcpy(copy, e->data, size);
	e->data = copy;
	batch_consume(b, size, end);
	wake(b);
	return true;
}

/* Pushes the values of the next event, which is FUNCTION's. Returns how many values; 0 if the event
 * is gone.
 */
static int take_next(lua_State *L, struct batch *b, int function, struct batch_places at)
{
	bool claimed = !b->cursor.reading && batch_keep(b);
	struct batch_event e;
	int32_t end = read_next(b, function, &e);
	int values;

	if (!end)
		return 0;
	if (claimed)
		claim_event(b, &e, end);
	else if (!copy_next(L, b, function, &e))
		return 0;
	if (!claimed)
		at.again = 0;
	values = b->kind->push(L, b, &e, &at);
	if (claimed)
		b->cursor.reading = 0;
	return values;
}

const struct batch_record *batch_claim(const struct batch_claim *claim)
{
	struct batch *b = claim->batch;
	struct batch_event e;
	int32_t end = 0;

	if (!b->cursor.reading && batch_keep(b))
		end = read_next(b, claim->function, &e);
	if (!end || e.size < claim->least ||
	    (claim->checks && !codec_says_all(claim->checks, e.data)))
		return NULL;
	claim_event(b, &e, end);
	return (const struct batch_record *)(e.data - offsetof(struct batch_record, data));
}

int batch_next(lua_State *L, struct batch *b, int timeout, size_t ahead)
{
	long end = end_of(timeout);
	int err, values;

	batch_check_idle(L, b, "polled");
	if (b->passes)
		luaL_error(L, "%s has an aggregate: use poll() or consume()", b->kind->name);
	b->only = -1;
	for (;;) {
		lua_settop(L, 1);
		if (!has_events(b)) {
			b->wanted = ahead;
			err = fill(L, b, timeout);
			if (!has_events(b)) {
				wake(b);
				return err ? value_fail(L, -err, "%s", b->kind->function)
					   : value_none(L);
			}
		}
		class_env(L, 1);
		values = take_next(L, b, b->function, push_places(L, 2, b->function));
		if (values)
			return values;
		deliver_some(L, b, 0);
		if (timeout > 0)
			timeout =
				end > clock_milliseconds() ? (int)(end - clock_milliseconds()) : 0;
	}
}

/* Calls what is at 1, the method next(), with what is at 2 and 3. */
static int call_next(lua_State *L)
{
	lua_call(L, 2, LUA_MULTRET);
	if (lua_isnil(L, 1) && lua_gettop(L) > 1) {
		lua_settop(L, 2);
		return lua_error(L); /* a loop would take the message for an event's field */
	}
	return lua_gettop(L);
}

/* upvalues: the userdata; the names of the first function's events, and what these fill again; the
 * method next() and the timeout. They are trusted, as those of Lua's own iterators are: looking at
 * each would take a tenth of the time.
 */
static int iterate_events(lua_State *L)
{
	static const struct batch_places at = {lua_upvalueindex(2), lua_upvalueindex(3), false};
	static const int args[] = {lua_upvalueindex(4), lua_upvalueindex(1), lua_upvalueindex(5)};
	int values = take_next(L, lua_touserdata(L, lua_upvalueindex(1)), 1, at);

	if (values)
		return values;
	lua_settop(L, 0);
	for (int i = 0; i < 3; i++)
		lua_pushvalue(L, args[i]);
	return call_next(L);
}

/* The same, with what are upvalues there as arguments. */
int batch_step(lua_State *L)
{
	lua_settop(L, 3);
	return call_next(L);
}

/* What maker_wrap() makes an iterator of. upvalues: the userdata; the names of the first function's
 * events, and what these fill again. Returns nothing if there is no such event yet: then
 * iterate_events() is called.
 */
static int take_event(lua_State *L)
{
	static const struct batch_places at = {lua_upvalueindex(2), lua_upvalueindex(3), true};

	return take_next(L, lua_touserdata(L, lua_upvalueindex(1)), 1, at);
}

/* Pushes an iterator over the events of the userdata at 3, with the method next() at 2 and the
 * timeout at 4. The functions are at 1.
 */
static void push_iterator(lua_State *L)
{
	struct batch *b = lua_touserdata(L, 3);
	struct batch_places at = push_places(L, 1, 1);
	int iterator = lua_gettop(L) + 1;

	lua_pushvalue(L, 3);
	lua_pushvalue(L, at.names);
	lua_pushvalue(L, at.again);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, 4);
	lua_pushcclosure(L, iterate_events, 5);
	lua_pushvalue(L, 3);
	lua_pushvalue(L, at.names);
	lua_pushvalue(L, at.again);
	lua_pushcclosure(L, take_event, 3);
	if (!b->kind->wrap(L, b, &at, iterator))
		lua_settop(L, iterator);
}

int batch_events(lua_State *L, lua_CFunction next)
{
	batch_check_timeout(L, 2);
	lua_settop(L, 2);
	lua_pushcfunction(L, next);
	lua_insert(L, 1);
	class_env(L, 2);
	lua_insert(L, 1);
	push_compiled(L, 1, 1, COMPILED_PULL);
	if (!lua_isnil(L, -1)) { /* takes what there is of the first function */
		lua_insert(L, 2);
		lua_call(L, 3, 1);
		return 1;
	}
	lua_pop(L, 1);
	if (!iterator_push(L, batch_step, 3))
		push_iterator(L);
	return 1;
}

/* Waiting elsewhere ----------------------------------------------------------------------- */

int batch_watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* The buffer's epoll set, which is libbpf's for a perf buffer, is itself one of two in ours. */
static int open_epoll(struct batch *b)
{
	struct batch_wait *w = b->wait;
	int err = 0;

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->epoll < 0 || w->wake < 0 || batch_watch(w->epoll, b->kind->epoll_fd(b)) ||
	    batch_watch(w->epoll, w->wake))
		err = -errno;
	if (err)
		batch_wait_close(w);
	b->woken = false;
	wake(b);
	return err;
}

int batch_epoll_fd(lua_State *L, struct batch *b)
{
	int err = b->wait->epoll < 0 ? open_epoll(b) : 0;

	if (err)
		return value_fail(L, -err, "%s: epoll_fd", b->kind->function);
	lua_pushinteger(L, b->wait->epoll);
	return 1;
}

int batch_check_timeout(lua_State *L, int arg)
{
	return lua_isnoneornil(L, arg) ? -1 : (int)value_check_int(L, arg, -1, INT32_MAX);
}
