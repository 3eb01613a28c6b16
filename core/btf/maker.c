#include "btf/maker.h"

/*** @module lbpf */
/*** Tables of structures
@section makers
*/

/* In the registry: see set_maker(). */
static const char maker;

bool maker_wrap(lua_State *L, const struct codec *c, int names, int into, int slow,
		const char *form)
{
	int fn = lua_gettop(L);
	bool found;

	if (!codec_members(c))
		return false;
	luaL_checkstack(L, LUA_MINSTACK, "too many arguments");
	names = lua_absindex(L, names);
	into = lua_absindex(L, into);
	compat_rawgetp(L, LUA_REGISTRYINDEX, &maker);
	if (lua_isfunction(L, -1)) {
		lua_pushstring(L, form);
		lua_pushvalue(L, names);
		lua_pushinteger(L, codec_members(c));
		lua_pushvalue(L, fn);
		lua_pushvalue(L, into);
		if (slow)
			lua_pushvalue(L, slow);
		else
			lua_pushnil(L);
		lua_call(L, 6, 1);
	}
	found = lua_isfunction(L, -1);
	if (found)
		lua_replace(L, fn);
	lua_settop(L, fn);
	return found;
}

/*** Takes what generates functions that make tables; `require "lbpf"` calls this.
@function set_maker
@local
@tparam function fn is called with a form, the names of a codec, the number of its members, a
 function, the table that is filled again or nil, and what is called if the function returns
nothing; returns a function, or nil
@treturn nil
*/
static int set_maker(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_settop(L, 1);
	compat_rawsetp(L, LUA_REGISTRYINDEX, &maker);
	return 0;
}

void maker_open(lua_State *L)
{
	lua_pushcfunction(L, set_maker);
	lua_setfield(L, -2, "set_maker");
}
