/* What Lua 5.4 needs for the events that drain.lua takes from a ring: here they are in memory, and
 * are passed to the same functions by Lua's C API as its manual has it. Lua makes their tables,
 * which takes it less time than C by that API. The ring comes on top.
 */
#include <lauxlib.h>
#include <lualib.h>

#include "bench.h"
#include "fill.h"

#define BATCH 256

/* drain.lua's functions, and what makes tables for them. */
static const char CHUNK[] =
	"local sum, again = 0, {}\n"
	"local function whole(e)\n"
	"  sum = sum + e.pid + e.uid + e.ts + #e.comm + e.cookie\n"
	"end\n"
	"return function() local total = sum sum = 0 return total end, {\n"
	"  ['five fields'] = function(pid, uid, ts, comm, cookie)\n"
	"    sum = sum + pid + uid + ts + #comm + cookie\n"
	"  end,\n"
	"  ['two fields'] = function(pid, comm) sum = sum + pid + #comm end,\n"
	"  ['five fields, batch'] = function(n, pids, uids, times, comms, cookies)\n"
	"    local total = sum\n"
	"    for i = 1, n do\n"
	"      total = total + pids[i] + uids[i] + times[i] + #comms[i] + cookies[i]\n"
	"    end\n"
	"    sum = total\n"
	"  end,\n"
	"  ['whole event'] = function(pid, uid, ts, comm, cookie)\n"
	"    return whole {pid = pid, uid = uid, ts = ts, comm = comm, cookie = cookie}\n"
	"  end,\n"
	"  ['whole event, reuse'] = function(pid, uid, ts, comm, cookie)\n"
	"    local e = again\n"
	"    e.pid, e.uid, e.ts, e.comm, e.cookie = pid, uid, ts, comm, cookie\n"
	"    return whole(e)\n"
	"  end,\n"
	"  bytes = function(bytes) sum = sum + #bytes end,\n"
	"}\n";

enum { TAKE = 1, FUNCTIONS, FN }; /* places on the stack */

static void push_fields(lua_State *L, const struct event *e)
{
	lua_pushinteger(L, e->pid);
	lua_pushinteger(L, e->uid);
	lua_pushinteger(L, (lua_Integer)e->ts);
	lua_pushlstring(L, e->comm, strnlen(e->comm, sizeof(e->comm)));
	lua_pushinteger(L, (lua_Integer)e->cookie);
}

static void five(lua_State *L, const struct event *e, long count)
{
	for (long i = 0; i < count; i++) {
		lua_pushvalue(L, FN);
		push_fields(L, &e[i]);
		lua_call(L, 5, 0);
	}
}

static void two(lua_State *L, const struct event *e, long count)
{
	for (long i = 0; i < count; i++) {
		lua_pushvalue(L, FN);
		lua_pushinteger(L, e[i].pid);
		lua_pushlstring(L, e[i].comm, strnlen(e[i].comm, sizeof(e[i].comm)));
		lua_call(L, 2, 0);
	}
}

static void batch(lua_State *L, const struct event *e, long count)
{
	for (int k = 0; k < 5; k++)
		lua_createtable(L, BATCH, 0);
	for (long i = 0; i < count; i += BATCH) {
		int n = (int)(count - i < BATCH ? count - i : BATCH);

		for (int j = 1; j <= n; j++) {
			push_fields(L, &e[i + j - 1]);
			for (int k = 5; k > 0; k--)
				lua_rawseti(L, FN + k, j);
		}
		lua_pushvalue(L, FN);
		lua_pushinteger(L, n);
		for (int k = 1; k <= 5; k++)
			lua_pushvalue(L, FN + k);
		lua_call(L, 6, 0);
	}
}

static void bytes(lua_State *L, const struct event *e, long count)
{
	for (long i = 0; i < count; i++) {
		lua_pushvalue(L, FN);
		lua_pushlstring(L, (const char *)&e[i], sizeof(e[i]));
		lua_call(L, 1, 0);
	}
}

static const struct {
	const char *name;
	void (*run)(lua_State *L, const struct event *e, long count);
} rows[] = {
	{"five fields", five}, {"five fields, batch", batch}, {"two fields", two},
	{"whole event", five}, {"whole event, reuse", five},  {"bytes", bytes},
};

static void measure(lua_State *L, int row, const struct event *events, long count)
{
	double start, seconds;

	lua_getfield(L, FUNCTIONS, rows[row].name);
	start = now();
	rows[row].run(L, events, count);
	seconds = now() - start;
	lua_pushvalue(L, TAKE);
	lua_call(L, 0, 1);
	report(rows[row].name, seconds, count, (__u64)lua_tointeger(L, -1));
	lua_settop(L, FN - 1);
}

int main(int argc, char **argv)
{
	long count = atol(argv[2]), repeats = atol(argv[3]);
	struct event *events = calloc((size_t)count, sizeof(*events));
	lua_State *L = luaL_newstate();

	CHECK(events && L);
	for (long i = 0; i < count; i++)
		fill(&events[i], (__u32)i);
	luaL_openlibs(L);
	CHECK(luaL_loadstring(L, CHUNK) == 0);
	lua_call(L, 0, 2);
	for (long i = 0; i < repeats; i++)
		for (int row = 0; row < (int)(sizeof(rows) / sizeof(rows[0])); row++)
			measure(L, row, events, count);
	lua_close(L);
	free(events);
}
