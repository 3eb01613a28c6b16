#include "open/parts.h"

#include "map/map.h"
#include "object/object.h"
#include "object/program.h"

/*** @module lbpf */
/*** An object's parts
@section parts
@usage local prog, map = object:next_program(), object:next_map()
while prog do
  print(prog:name())
  prog = object:next_program(prog)
end
assert(object:prev_program():name() == "filter" and object:prev_map(map) == nil)
print(object:find_map_by_name("flows") == map, object:find_map_fd_by_name("flows") == map:fd())
*/

/* In order -------------------------------------------------------------------------------- */

/* The program or map at 2; NULL if there is none. */
static struct bpf_program *part_program(lua_State *L, const struct owner *owner)
{
	return lua_isnoneornil(L, 2) ? NULL : program_check_of(L, 2, owner);
}

static struct bpf_map *part_map(lua_State *L, const struct owner *owner)
{
	return lua_isnoneornil(L, 2) ? NULL : map_check_of(L, 2, owner);
}

/* Push the handle of a part, or nil if it is NULL. */
static int return_program(lua_State *L, struct owner *owner, struct bpf_program *prog)
{
	if (!prog) {
		lua_pushnil(L);
		return 1;
	}
	lua_settop(L, 1);
	class_env(L, 1);
	program_push(L, owner, prog, 2);
	return 1;
}

static int return_map(lua_State *L, struct owner *owner, struct bpf_map *map)
{
	if (!map) {
		lua_pushnil(L);
		return 1;
	}
	lua_settop(L, 1);
	class_env(L, 1);
	map_push(L, owner, map, 2);
	return 1;
}

/*** Returns the program after the given one, in the order of the file.
@function object:next_program
@tparam ?program prog nil: return the first
@treturn ?program nil after the last one
@see bpf_object__next_program
*/
static int object_next_program(lua_State *L)
{
	struct owner *owner = object_check(L, 1);
	struct bpf_program *prog = part_program(L, owner);

	return return_program(L, owner, bpf_object__next_program(object_of(owner), prog));
}

/*** Returns the program before the given one, in the order of the file.
@function object:prev_program
@tparam ?program prog nil: return the last
@treturn ?program nil before the first one
@see bpf_object__prev_program
*/
static int object_prev_program(lua_State *L)
{
	struct owner *owner = object_check(L, 1);
	struct bpf_program *prog = part_program(L, owner);

	return return_program(L, owner, bpf_object__prev_program(object_of(owner), prog));
}

/*** Returns the map after the given one, in the order of the file.
@function object:next_map
@tparam ?map map nil: return the first
@treturn ?map nil after the last one
@see bpf_object__next_map
*/
static int object_next_map(lua_State *L)
{
	struct owner *owner = object_check(L, 1);
	struct bpf_map *map = part_map(L, owner);

	return return_map(L, owner, bpf_object__next_map(object_of(owner), map));
}

/*** Returns the map before the given one, in the order of the file.
@function object:prev_map
@tparam ?map map nil: return the last
@treturn ?map nil before the first one
@see bpf_object__prev_map
*/
static int object_prev_map(lua_State *L)
{
	struct owner *owner = object_check(L, 1);
	struct bpf_map *map = part_map(L, owner);

	return return_map(L, owner, bpf_object__prev_map(object_of(owner), map));
}

/*** Returns an iterator over the programs, in the order of the file.
@function object:each_program
@treturn function iterator
@usage for prog in object:each_program() do
  print(prog:name(), prog:section_name(), prog:type())
end
@see bpf_object__next_program
*/
static int object_each_program(lua_State *L)
{
	object_check(L, 1);
	lua_pushcfunction(L, object_next_program);
	lua_pushvalue(L, 1);
	return 2;
}

/*** Returns an iterator over the maps, in the order of the file.
@function object:each_map
@treturn function iterator
@usage for map in object:each_map() do
  print(map:name(), map:type(), map:max_entries())
end
@see bpf_object__next_map
*/
static int object_each_map(lua_State *L)
{
	object_check(L, 1);
	lua_pushcfunction(L, object_next_map);
	lua_pushvalue(L, 1);
	return 2;
}

/* By name --------------------------------------------------------------------------------- */

/*** Finds a program by its name. An unknown name is not an error, unlike in `object.progs.NAME`.
@function object:find_program_by_name
@tparam string name of the C function
@treturn ?program
@usage local prog = object:find_program_by_name("enter")
print(prog and prog:section_name() or "there is no such program")
@see bpf_object__find_program_by_name
*/
static int object_find_program_by_name(lua_State *L)
{
	struct owner *owner = object_check(L, 1);
	const char *name = luaL_checkstring(L, 2);

	return return_program(L, owner, bpf_object__find_program_by_name(object_of(owner), name));
}

/* Pushes the map that 2 names, or nil. In libbpf a reused map has another name than in its file. */
static int find_map(lua_State *L)
{
	struct owner *owner = object_check(L, 1);
	const char *name = luaL_checkstring(L, 2);

	class_env(L, 1);
	lua_getfield(L, -1, "maps");
	luaL_checktype(L, -1, LUA_TTABLE);
	lua_pushvalue(L, 2);
	lua_rawget(L, -2);
	if (!lua_isnil(L, -1))
		return 1;
	return return_map(L, owner, bpf_object__find_map_by_name(object_of(owner), name));
}

/*** Finds a map by its name.
@function object:find_map_by_name
@tparam string name of the C variable, or ".rodata"
@treturn ?map
@see bpf_object__find_map_by_name
*/
static int object_find_map_by_name(lua_State *L)
{
	return find_map(L);
}

/*** The descriptor of the map with this name. The object owns it.
@function object:find_map_fd_by_name
@tparam string name of the C variable, or ".rodata"
@treturn ?integer nil if there is no such map
@raise if it is not loaded
@see bpf_object__find_map_fd_by_name
*/
static int object_find_map_fd_by_name(lua_State *L)
{
	if (find_map(L) && lua_isnil(L, -1))
		return 1;
	lua_replace(L, 1);
	lua_pushinteger(L, bpf_map__fd(map_check_created(L, 1)));
	return 1;
}

void parts_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"next_program", object_next_program},
		{"prev_program", object_prev_program},
		{"next_map", object_next_map},
		{"prev_map", object_prev_map},
		{"each_program", object_each_program},
		{"each_map", object_each_map},
		{"find_program_by_name", object_find_program_by_name},
		{"find_map_by_name", object_find_map_by_name},
		{"find_map_fd_by_name", object_find_map_fd_by_name},
		{NULL, NULL},
	};

	object_add_methods(L, methods);
}
