#include "base/iterator.h"

/*** @module lbpf */
/*** Iterators for LuaJIT
@section iterators
*/

/* In the registry: see set_iterator_maker(). */
static const char maker;

bool iterator_push(lua_State *L, lua_CFunction step, int n)
{
	int first = lua_gettop(L) - n + 1;

	compat_rawgetp(L, LUA_REGISTRYINDEX, &maker);
	if (!lua_isfunction(L, -1)) {
		lua_pop(L, 1);
		return false;
	}
	lua_insert(L, first);
	lua_pushcfunction(L, step);
	lua_insert(L, first + 1);
	lua_call(L, n + 1, 1);
	return true;
}

/*** Takes what makes iterators; `lbpf.jit` is the one that calls this.
@function set_iterator_maker
@local
@tparam function fn is called with a function and up to three arguments for it; returns a function
 without arguments that calls it
@treturn nil
*/
static int set_iterator_maker(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_settop(L, 1);
	compat_rawsetp(L, LUA_REGISTRYINDEX, &maker);
	return 0;
}

void iterator_open(lua_State *L)
{
	lua_pushcfunction(L, set_iterator_maker);
	lua_setfield(L, -2, "set_iterator_maker");
}
