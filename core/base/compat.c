#include "base/compat.h"

#undef luaL_argerror

#include <string.h>

/* The name under which the table on top of the stack has the function at FN; NULL: it does not. It
 * is the table's.
 */
static const char *name_in_table(lua_State *L, int fn)
{
	const char *name = NULL;

	for (lua_pushnil(L); !name && lua_next(L, -2); lua_pop(L, 1))
		if (lua_rawequal(L, -1, fn) && lua_type(L, -2) == LUA_TSTRING)
			name = lua_tostring(L, -2);
	if (name)
		lua_pop(L, 1);
	return name;
}

/* The same of a class's methods. The metatable is on top. */
static const char *name_in_class(lua_State *L, int fn)
{
	const char *name = NULL;

	lua_pushliteral(L, "__index");
	lua_rawget(L, -2);
	if (lua_istable(L, -1))
		name = name_in_table(L, fn);
	lua_pop(L, 1);
	return name;
}

/* Which of our functions and methods is at FN? NULL: none. */
static const char *find_name(lua_State *L, int fn)
{
	const char *name = NULL;

	for (lua_pushnil(L); !name && lua_next(L, LUA_REGISTRYINDEX); lua_pop(L, 1))
		if (lua_type(L, -2) == LUA_TSTRING && lua_istable(L, -1) &&
		    strncmp(lua_tostring(L, -2), "lbpf.", 5) == 0)
			name = name_in_class(L, fn);
	if (name) {
		lua_pop(L, 1);
		return name;
	}
	lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
	lua_getfield(L, -1, "lbpf.core");
	if (lua_istable(L, -1))
		name = name_in_table(L, fn);
	lua_pop(L, 2);
	return name;
}

/* Lua knows a function by the name that its caller used, and pcall() uses none. */
int compat_argerror(lua_State *L, int arg, const char *message)
{
	const char *name = NULL;
	lua_Debug ar;

	if (lua_getstack(L, 0, &ar) && lua_getinfo(L, "nf", &ar)) {
		if (!ar.name)
			name = find_name(L, lua_gettop(L));
		lua_pop(L, 1);
	}
	if (name)
		return luaL_error(L, "bad argument #%d to '%s' (%s)", arg, name, message);
	return luaL_argerror(L, arg, message);
}
