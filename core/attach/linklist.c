#include "attach/linklist.h"

#include "base/class.h"

/*** @module lbpf */
/*** Lists of links. `program:attach` returns one, and `object.links` has one, if a script's handler
attached one program several times. A list has those methods of a link that make sense for several
links; its entries are links.
@section link_lists
@usage local id = lbpf.register_prog_handler("xdp", "xdp", "xdp", {
  prog_attach_fn = function(prog)
    return {assert(prog:attach_xdp("lo"))} -- here for all interfaces
  end,
})
local other = assert(lbpf.open("trace.bpf.o"))
lbpf.unregister_prog_handler(id)
local drop = other.progs.drop
drop:set_autoload(true)
assert(other:load())
local links = assert(drop:attach())
print(#links:info())
assert(links:update_program(drop))
assert(links:detach())
assert(links:disconnect()) -- if not detached, they would now last as long as the process
assert(links:destroy())
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

/* Calls the method of each link of the list at 1, with the argument at 2, even if one of them
 * fails. Pushes a list of the results, and returns 1; or pushes the results of the first that
 * failed, and returns how many.
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

/* The same, but pushes the list itself. */
static int act_on_each(lua_State *L, const char *method)
{
	int n = call_each(L, method);

	if (n == 1)
		lua_pushvalue(L, 1);
	return n;
}

/*** Destroys all links, even if one of them fails.
@function links:destroy
@treturn boolean true
@fails
@see link:destroy
*/
static int list_destroy(lua_State *L)
{
	int n = call_each(L, "destroy");

	if (n == 1)
		lua_pushboolean(L, 1);
	return n;
}

/*** Detaches all links in the kernel.
@function links:detach
@treturn links itself
@fails
@see link:detach
*/
static int list_detach(lua_State *L)
{
	return act_on_each(L, "detach");
}

/*** Disconnects all links from what they attached.
@function links:disconnect
@treturn links itself
@see link:disconnect
*/
static int list_disconnect(lua_State *L)
{
	return act_on_each(L, "disconnect");
}

/*** Replaces the program of all links, one after the other, even if one of them fails.
@function links:update_program
@tparam program prog
@treturn links itself
@fails
@see link:update_program
*/
static int list_update_program(lua_State *L)
{
	return act_on_each(L, "update_program");
}

/*** Returns what the kernel knows about the links.
@function links:info
@treturn {table,...} the result of `link:info` for each link
@fails
@see link:info
*/
static int list_info(lua_State *L)
{
	return call_each(L, "info");
}

/* __close: does not destroy links that belong to another process. */
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
