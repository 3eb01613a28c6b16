#include "btf/layout.h"

#include "base/value.h"
#include "btf/btf.h"

/*** @module lbpf */
/*** Layouts
@section layouts
*/

/* Key in the registry: the function that reads layouts, set by lbpf. */
#define READER "lbpf.layout_reader"

/*** Sets the function that makes BTF of C's declarations. Only `lbpf` calls this.
@function set_layout_reader
@local
@tparam function fn
@treturn nil
*/
static int set_layout_reader(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_settop(L, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, READER);
	return 0;
}

int layout_push_base(lua_State *L, struct owner *object, struct btf *btf)
{
	if (object && btf)
		btf_push_of(L, object, btf);
	else
		lua_pushnil(L);
	return lua_gettop(L);
}

/* Pushes the value at IDX; nil if IDX is 0. */
static void push_or_nil(lua_State *L, int idx)
{
	if (idx)
		lua_pushvalue(L, idx);
	else
		lua_pushnil(L);
}

/* Replaces the layout on top of the stack by its BTF and its last type's number. */
static void call_reader(lua_State *L, int arg, int base, int wanted)
{
	int text = lua_gettop(L);

	luaL_argcheck(L, lua_type(L, text) == LUA_TSTRING, arg,
		      "option 'layout' must be a string: declarations in C");
	lua_getfield(L, LUA_REGISTRYINDEX, READER);
	luaL_argcheck(L, lua_isfunction(L, -1), arg, "option 'layout' needs require \"lbpf\"");
	lua_insert(L, text);
	lua_getfield(L, arg, "btf");
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		push_or_nil(L, base);
	}
	lua_getfield(L, arg, "type");
	lua_getfield(L, arg, "key");
	lua_getfield(L, arg, "value");
	push_or_nil(L, wanted);
	lua_call(L, 6, 2);
	if (lua_isnil(L, -2))
		luaL_argerror(L, arg, lua_tostring(L, -1));
}

void layout_read(lua_State *L, int arg, int base, int wanted, struct layout *l)
{
	*l = (struct layout){0};
	luaL_checkstack(L, 12, "too many values");
	if (lua_isnoneornil(L, arg)) {
		lua_pushnil(L);
		return;
	}
	lua_getfield(L, arg, "layout");
	if (!lua_isnil(L, -1)) {
		call_reader(L, arg, base, wanted);
		l->last = (uint32_t)lua_tointeger(L, -1);
		lua_pop(L, 1);
	} else {
		lua_pop(L, 1);
		lua_getfield(L, arg, "btf");
	}
	if (lua_isnil(L, -1))
		return;
	l->owner = btf_test(L, lua_gettop(L));
	luaL_argcheck(L, l->owner, arg, "option 'btf' must be BTF");
	btf_require_sound(L, l->owner);
	l->btf = btf_of(l->owner);
}

void layout_open(lua_State *L)
{
	lua_pushcfunction(L, set_layout_reader);
	lua_setfield(L, -2, "set_layout_reader");
}
