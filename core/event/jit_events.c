#include "event/jit_events.h"

#include "event/type.h"

/* What lua/lbpf/jit/layout.lua says of the structures in batch.h. */
_Static_assert(offsetof(struct batch_record, size) == 0 &&
		       offsetof(struct batch_record, cpu) == 4 &&
		       offsetof(struct batch_record, data) == BPF_RINGBUF_HDR_SZ,
	       "struct batch_record is known to compiled code, and lies in ring buffers");
_Static_assert(offsetof(struct batch_cursor, bytes) == 0 &&
		       offsetof(struct batch_cursor, used) == sizeof(void *) &&
		       offsetof(struct batch_cursor, next) == sizeof(void *) + 4 &&
		       offsetof(struct batch_cursor, last) == sizeof(void *) + 8 &&
		       offsetof(struct batch_cursor, delivering) == sizeof(void *) + 12 &&
		       offsetof(struct batch_cursor, reading) == sizeof(void *) + 16 &&
		       offsetof(struct batch_cursor, size) == sizeof(void *) + 24,
	       "struct batch_cursor is known to compiled code");
_Static_assert(offsetof(struct batch_claim, batch) == 0 &&
		       offsetof(struct batch_claim, checks) == sizeof(void *) &&
		       offsetof(struct batch_claim, function) == 2 * sizeof(void *) &&
		       offsetof(struct batch_claim, least) == 2 * sizeof(void *) + 4,
	       "struct batch_claim is known to compiled code");
_Static_assert(offsetof(struct batch, cursor) == 0, "a batch is known by its cursor's address");

/* Key in the registry: the function that generates the code, set by lbpf.jit. */
#define COMPILER "lbpf.compiler"

/*** @module lbpf */
/*** Compiled delivery
@section compiled
*/

/*** Sets the function that generates code for events. Only `lbpf.jit` calls this.
@function set_compiler
@local
@tparam function fn
@treturn lightuserdata the address of what claims an event
@treturn function what pulls an event, with three arguments
*/
static int set_compiler(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_settop(L, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, COMPILER);
	lua_pushlightuserdata(L, (void *)(uintptr_t)batch_claim);
	lua_pushcfunction(L, batch_step);
	return 2;
}

/* Pushes the table that the function's events fill again, or nil. */
static void push_reused(lua_State *L, int functions, int function)
{
	lua_rawgeti(L, functions, -function);
	if (lua_istable(L, -1))
		lua_rawgeti(L, -1, BATCH_REUSED);
	else
		lua_pushnil(L);
	lua_remove(L, -2);
}

void jit_events_add(lua_State *L, struct batch *b, int function, const struct codec *c,
		    bool has_cpu)
{
	int functions = lua_gettop(L);

	lua_getfield(L, LUA_REGISTRYINDEX, COMPILER);
	if (!lua_isfunction(L, -1)) {
		lua_pop(L, 1);
		return;
	}
	if (c)
		codec_describe(L, c);
	else
		lua_pushnil(L); /* bytes */
	lua_pushlightuserdata(L, b);
	lua_pushinteger(L, function);
	lua_rawgeti(L, functions, function);
	lua_pushboolean(L, has_cpu);
	push_reused(L, functions, function);
	lua_call(L, 6, 1);
	batch_push_table(L, functions, BATCH_COMPILED);
	lua_insert(L, -2);
	lua_rawseti(L, -2, function);
	lua_settop(L, functions);
}

void jit_events_open(lua_State *L)
{
	lua_pushcfunction(L, set_compiler);
	lua_setfield(L, -2, "set_compiler");
}
