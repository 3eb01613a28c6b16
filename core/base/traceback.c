#include "base/traceback.h"

/*** @module lbpf */
/*** Errors in callbacks
@section traceback
*/

/* In the registry: the handler, and what it calls; the last error object, in a table that does not
 * keep it; and the stack that it was raised on.
 */
static const char handler_key, keeper_key, error_key, stack_key;

/* (error): keeps the stack. What runs here may fail, for want of memory for example. */
static int keep_stack(lua_State *L)
{
	compat_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
	lua_pushvalue(L, 1);
	lua_rawseti(L, -2, 1);
	lua_getglobal(L, "debug");
	lua_getfield(L, -1, "traceback");
	lua_pushliteral(L, "");
	lua_pushinteger(L, 3);
	lua_call(L, 2, 1);
	compat_rawsetp(L, LUA_REGISTRYINDEX, &stack_key);
	return 0;
}

/* Returns the error as it is. */
static int handle(lua_State *L)
{
	lua_settop(L, 1);
	compat_rawgetp(L, LUA_REGISTRYINDEX, &keeper_key);
	lua_pushvalue(L, 1);
	if (lua_pcall(L, 1, 0, 0))
		lua_settop(L, 1);
	return 1;
}

void traceback_push_handler(lua_State *L)
{
	compat_rawgetp(L, LUA_REGISTRYINDEX, &handler_key);
}

/*** A message handler like `debug.traceback`, for `xpcall`: of an error that was raised in a
callback, of a ring buffer's function for example, it tells where in that. By the time the error
gets there the callback's stack is gone, so `debug.traceback` cannot.
@function traceback
@param message if it is no string, it is returned as it is
@treturn string the message with the stack that it was raised on
@usage xpcall(main, lbpf.traceback)
*/
static int traceback(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_settop(L, 1);
	if (lua_type(L, 1) != LUA_TSTRING)
		return 1;
	compat_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
	lua_rawgeti(L, 2, 1);
	if (lua_rawequal(L, 1, 3)) {
		lua_pushvalue(L, 1);
		compat_rawgetp(L, LUA_REGISTRYINDEX, &stack_key);
		lua_concat(L, 2);
		lua_pushnil(L);
		lua_rawseti(L, 2, 1);
		return 1;
	}
	lua_settop(L, 1);
	lua_getglobal(L, "debug");
	lua_getfield(L, -1, "traceback");
	lua_pushvalue(L, 1);
	lua_pushinteger(L, 2);
	lua_call(L, 2, 1);
	return 1;
}

void traceback_open(lua_State *L)
{
	lua_newtable(L);
	lua_newtable(L);
	lua_pushliteral(L, "v");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	compat_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
	lua_pushliteral(L, "");
	compat_rawsetp(L, LUA_REGISTRYINDEX, &stack_key);
	lua_pushcfunction(L, handle);
	compat_rawsetp(L, LUA_REGISTRYINDEX, &handler_key);
	lua_pushcfunction(L, keep_stack);
	compat_rawsetp(L, LUA_REGISTRYINDEX, &keeper_key);
	lua_pushcfunction(L, traceback);
	lua_setfield(L, -2, "traceback");
}
