#include "base/names.h"

#include "base/nearest.h"

/* Pushes the table's keys, those most like WANTED first. */
static void push_known(lua_State *L, int table, const char *wanted)
{
	struct nearest n = {.wanted = wanted};

	for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
		if (lua_type(L, -2) == LUA_TSTRING)
			nearest_add(&n, lua_tostring(L, -2));
	nearest_push(L, &n);
}

/* __index; upvalues: the kind, the owner's name */
static int missing(lua_State *L)
{
	const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";

	luaL_checktype(L, 1, LUA_TTABLE); /* by hand, with the debug library */
	push_known(L, 1, name);
	return luaL_error(L, "object '%s' has no %s '%s'; it has: %s",
			  lua_tostring(L, lua_upvalueindex(2)),
			  lua_tostring(L, lua_upvalueindex(1)), name, lua_tostring(L, -1));
}

void names_make_strict(lua_State *L, const char *kind, const char *owner)
{
	lua_newtable(L);
	lua_pushstring(L, kind);
	lua_pushstring(L, owner);
	lua_pushcclosure(L, missing, 2);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
}
