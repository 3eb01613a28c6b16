#include "attach/linklist.h"

#include "base/class.h"

/*** @module lbpf */
/*** Lists of links: what `program:attach` returns, and `object.links` has, where a script's handler
attached one program several times. Such a list has the methods that a link has and that make sense
of several; an entry has all.
@section link_lists
*/

static const char LIST[] = "lbpf.links";

void linklist_adopt(lua_State *L, int idx)
{
	if (lua_getmetatable(L, idx)) {
		lua_pop(L, 1);
		return;
	}
	idx = lua_absindex(L, idx);
	luaL_getmetatable(L, LIST);
	lua_setmetatable(L, idx);
}

/* Calls the method of each link of the list at 1, with the argument at 2. All are called, whatever
 * one of them returns. Pushes what each returned, as a list, and returns 1; or what the first that
 * failed returned, and how much that is.
 */
static int call_each(lua_State *L, const char *method)
{
	enum { LINKS = 1, ARG, RESULTS, FAILURE };

	luaL_checktype(L, LINKS, LUA_TTABLE);
	lua_settop(L, ARG);
	lua_newtable(L);
	for (size_t i = 1, n = lua_rawlen(L, LINKS); i <= n; i++) {
		lua_rawgeti(L, LINKS, (int)i);
		lua_getfield(L, -1, method);
		lua_insert(L, -2);
		lua_pushvalue(L, ARG);
		lua_call(L, 2, 3);
		if (lua_isnil(L, -3) && lua_gettop(L) == FAILURE + 2)
			continue;
		lua_pushvalue(L, -3);
		lua_rawseti(L, RESULTS, (int)i);
		lua_pop(L, 3);
	}
	return lua_gettop(L) > RESULTS ? 3 : 1;
}

/* The same; returns the list itself. */
static int act_on_each(lua_State *L, const char *method)
{
	int n = call_each(L, method);

	if (n == 1)
		lua_pushvalue(L, 1);
	return n;
}

/*** Destroys all of them.
@function links:destroy
@treturn boolean true
@fails for one of them; all are gone
@see link:destroy
*/
static int list_destroy(lua_State *L)
{
	int n = call_each(L, "destroy");

	if (n == 1)
		lua_pushboolean(L, 1);
	return n;
}

/*** Detaches all of them in the kernel.
@function links:detach
@treturn links itself
@fails for one of them
@see link:detach
*/
static int list_detach(lua_State *L)
{
	return act_on_each(L, "detach");
}

/*** Parts all of them from what they keep attached.
@function links:disconnect
@treturn links itself
@see link:disconnect
*/
static int list_disconnect(lua_State *L)
{
	return act_on_each(L, "disconnect");
}

/*** Replaces the program of all of them, one after the other.
@function links:update_program
@tparam program prog
@treturn links itself
@fails for one of them: the others have the new program
@see link:update_program
*/
static int list_update_program(lua_State *L)
{
	return act_on_each(L, "update_program");
}

/*** What the kernel knows of them.
@function links:info
@treturn {table,...} for each what `link:info` returns
@fails for one of them
@see link:info
*/
static int list_info(lua_State *L)
{
	return call_each(L, "info");
}

/* Leaving a scope: what belongs to another process is left to that, as by each link. */
static int list_close(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	for (size_t i = 1, n = lua_rawlen(L, 1); i <= n; i++) {
		lua_rawgeti(L, 1, (int)i);
		luaL_callmeta(L, 2, "__close");
		lua_settop(L, 1);
	}
	return 0;
}

static int list_tostring(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_pushfstring(L, "lbpf.links: %d", (int)lua_rawlen(L, 1));
	return 1;
}

void linklist_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"destroy", list_destroy},
		{"detach", list_detach},
		{"disconnect", list_disconnect},
		{"update_program", list_update_program},
		{"info", list_info},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {
		{"__close", list_close}, {"__tostring", list_tostring}, {NULL, NULL}};

	class_new(L, LIST, methods, meta);
}
