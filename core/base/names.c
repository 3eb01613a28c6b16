#include "base/names.h"

/* Pushes the table's keys, sorted: "abc, def". */
static void push_names(lua_State *L, int table)
{
	int list, n = 0;

	lua_newtable(L);
	list = lua_gettop(L);
	lua_pushnil(L);
	while (lua_next(L, table)) {
		lua_pop(L, 1);
		lua_pushvalue(L, -1);
		lua_rawseti(L, list, ++n);
	}
	lua_getglobal(L, "table");
	lua_getfield(L, -1, "sort");
	lua_pushvalue(L, list);
	lua_call(L, 1, 0);
	lua_getfield(L, -1, "concat");
	lua_pushvalue(L, list);
	lua_pushliteral(L, ", ");
	lua_call(L, 2, 1);
}

/* __index; upvalues: the kind, the owner's name */
static int missing(lua_State *L)
{
	const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";

	push_names(L, 1);
	return luaL_error(L, "object '%s' has no %s '%s'; there are: %s",
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
