#include "open/pin.h"

#include "base/bind.h"
#include "map/map.h"
#include "object/object.h"
#include "object/program.h"

/*** @module lbpf */
/*** Pinning
@section pinning
@usage assert(lbpf.pin_mkdir("/sys/fs/bpf/example"))
assert(object.maps.limits:set_pin_path("/sys/fs/bpf/example/limits"))
assert(object.maps.limits:pin() and object.maps.limits:is_pinned())
print(object.maps.limits:pin_path(), lbpf.pins("/sys/fs/bpf/example")[1])
assert(object.maps.limits:unpin())
assert(object.progs.enter:pin("/sys/fs/bpf/example/enter"))
assert(object.progs.enter:unpin("/sys/fs/bpf/example/enter"))

assert(object:pin_maps("/sys/fs/bpf/example"))
assert(object:unpin_maps("/sys/fs/bpf/example"))
local net = assert(lbpf.open("net.bpf.o"))
assert(net:load())
assert(net:pin_programs("/sys/fs/bpf/example"))
assert(net:unpin_programs("/sys/fs/bpf/example"))
assert(os.remove("/sys/fs/bpf/example"))
*/

#if LBPF_HEADERS(1, 3)
#pragma weak bpf_object__unpin
#endif

/* An optional path: without it each map's pin path is used. */
static const char *optional_path(lua_State *L, int arg)
{
	return luaL_optstring(L, arg, NULL);
}

/* Objects ---------------------------------------------------------------------------------- */

static struct bpf_object *check_object(lua_State *L, struct bound *b)
{
	b->owner = object_check(L, 1);
	b->kind = b->owner->kind;
	b->name = b->owner->name;
	owner_check_idle(L, b->owner, b->operation);
	return object_of(b->owner);
}

/* The same, with maps; a prepared object has them. */
static struct bpf_object *check_created(lua_State *L, struct bound *b)
{
	struct bpf_object *obj = check_object(L, b);

	if (!object_has_maps(b->owner))
		luaL_error(L, "object '%s' is not loaded", b->name);
	return obj;
}

static struct bpf_object *check_loaded(lua_State *L, struct bound *b)
{
	struct bpf_object *obj = check_object(L, b);

	if (!object_is_loaded(b->owner))
		luaL_error(L, "object '%s' is not loaded", b->name);
	return obj;
}

/*** Pins all maps and programs in a directory, by their names with dots replaced by underscores. If
one cannot be pinned, none is.
@function object:pin
@tparam string path of the directory in a BPF file system; created if its parent exists
@treturn object itself
@failslog
@raise if the object is not loaded
@see bpf_object__pin
*/
BIND_SETTER(object_pin, bpf_object__pin, struct bpf_object, check_loaded, const char *,
	    luaL_checkstring)

#if LBPF_HEADERS(1, 3)
BIND_SETTER(unpin, bpf_object__unpin, struct bpf_object, check_loaded, const char *,
	    luaL_checkstring)
#endif

/*** Removes the files of all programs and maps from a directory.
@function object:unpin
@tparam string path of the directory
@treturn object itself
@failslog EOPNOTSUPP before libbpf 1.3
@needs libbpf 1.3
@usage local net = assert(lbpf.open("net.bpf.o"))
assert(net:load())
assert(net:pin("/sys/fs/bpf/example")) -- maps and programs
assert(net:unpin("/sys/fs/bpf/example"))
assert(os.remove("/sys/fs/bpf/example"))
@see bpf_object__unpin
*/
static int object_unpin(lua_State *L)
{
#if LBPF_HEADERS(1, 3)
	if (compat_libbpf(1, 3))
		return unpin(L);
#endif
	object_check(L, 1);
	return value_needs_libbpf(L, "object:unpin", 1, 3);
}

/*** Pins the maps.
@function object:pin_maps
@tparam ?string path of a directory; nil: the pin path of each map that has one
@treturn object itself
@failslog
@raise if the object is neither loaded nor prepared
@see bpf_object__pin_maps
*/
BIND_SETTER(object_pin_maps, bpf_object__pin_maps, struct bpf_object, check_created, const char *,
	    optional_path)

/*** Removes the files of the maps.
@function object:unpin_maps
@tparam ?string path of the directory; nil: the maps' pin paths
@treturn object itself
@failslog
@see bpf_object__unpin_maps
*/
BIND_SETTER(object_unpin_maps, bpf_object__unpin_maps, struct bpf_object, check_object,
	    const char *, optional_path)

/*** Pins the programs.
@function object:pin_programs
@tparam string path of a directory
@treturn object itself
@failslog
@raise if the object is not loaded
@see bpf_object__pin_programs
*/
BIND_SETTER(object_pin_programs, bpf_object__pin_programs, struct bpf_object, check_loaded,
	    const char *, luaL_checkstring)

/*** Removes the files of the programs.
@function object:unpin_programs
@tparam string path of the directory
@treturn object itself
@failslog
@raise if the object is not loaded
@see bpf_object__unpin_programs
*/
BIND_SETTER(object_unpin_programs, bpf_object__unpin_programs, struct bpf_object, check_loaded,
	    const char *, luaL_checkstring)

/* Programs --------------------------------------------------------------------------------- */

static struct bpf_program *check_pin_program(lua_State *L, struct bound *b)
{
	struct bpf_program *prog = program_check_loaded(L, 1, &b->owner);

	owner_check_idle(L, b->owner, b->operation);
	b->kind = "program";
	b->name = bpf_program__name(prog);
	return prog;
}

/*** Pins the program in a BPF file system.
@function program:pin
@tparam string path of the new file; its directory is created if its parent exists
@treturn program itself
@failslog
@raise if the program is not loaded
@see bpf_program__pin
*/
BIND_SETTER(program_pin, bpf_program__pin, struct bpf_program, check_pin_program, const char *,
	    luaL_checkstring)

/*** Removes the program's file.
@function program:unpin
@tparam string path
@treturn program itself
@failslog
@raise if the program is not loaded
@see bpf_program__unpin
*/
BIND_SETTER(program_unpin, bpf_program__unpin, struct bpf_program, check_pin_program, const char *,
	    luaL_checkstring)

/* Maps ------------------------------------------------------------------------------------- */

static struct bpf_map *check_part(lua_State *L)
{
	return map_check(L, 1, NULL);
}

static struct bpf_map *check_pin_map(lua_State *L, struct bound *b)
{
	struct bpf_map *map = map_check(L, 1, &b->owner);

	/* libbpf must not find a path freed that it is using */
	owner_check_idle(L, b->owner, b->operation);
	b->kind = "map";
	b->name = bpf_map__name(map);
	return map;
}

static struct bpf_map *check_created_map(lua_State *L, struct bound *b)
{
	map_check_created(L, 1);
	return check_pin_map(L, b);
}

static void push_path(lua_State *L, const char *path)
{
	if (path)
		lua_pushstring(L, path);
	else
		lua_pushnil(L);
}

/*** Pins the map in a BPF file system.
@function map:pin
@tparam ?string path of the new file; must be the map's pin path if it has one; nil: the pin path
@treturn map itself
@failslog
@raise if the object is not loaded
@usage assert(object.maps.limits:pin("/sys/fs/bpf/limits"))
assert(object.maps.limits:unpin("/sys/fs/bpf/limits"))
@see bpf_map__pin
*/
BIND_SETTER(map_pin, bpf_map__pin, struct bpf_map, check_created_map, const char *, optional_path)

/*** Removes the map's file.
@function map:unpin
@tparam ?string path must be the map's pin path if it has one; nil: the pin path
@treturn map itself
@failslog
@see bpf_map__unpin
*/
BIND_SETTER(map_unpin, bpf_map__unpin, struct bpf_map, check_pin_map, const char *, optional_path)

/*** Sets where the map will be pinned, by `object:load`, `map:pin` or `object:pin_maps`. If a map
is pinned there already, `object:load` uses it.
@function map:set_pin_path
@tparam ?string path nil: the map will not be pinned
@treturn map itself
@see bpf_map__set_pin_path
*/
BIND_SETTER(map_set_pin_path, bpf_map__set_pin_path, struct bpf_map, check_pin_map, const char *,
	    optional_path)

/*** The path at which the map is or will be pinned.
@function map:pin_path
@treturn ?string
@see bpf_map__pin_path
*/
BIND_GETTER(map_pin_path, check_part, bpf_map__pin_path, push_path)

/*** Is the map pinned?
@function map:is_pinned
@treturn boolean
@see bpf_map__is_pinned
*/
BIND_GETTER(map_is_pinned, check_part, bpf_map__is_pinned, lua_pushboolean)

void pin_open(lua_State *L)
{
	static const luaL_Reg object_methods[] = {
		{"pin", object_pin},
		{"unpin", object_unpin},
		{"pin_maps", object_pin_maps},
		{"unpin_maps", object_unpin_maps},
		{"pin_programs", object_pin_programs},
		{"unpin_programs", object_unpin_programs},
		{NULL, NULL},
	};
	static const luaL_Reg program_methods[] = {
		{"pin", program_pin}, {"unpin", program_unpin}, {NULL, NULL}};
	static const luaL_Reg map_methods[] = {
		{"pin", map_pin},
		{"unpin", map_unpin},
		{"set_pin_path", map_set_pin_path},
		{"pin_path", map_pin_path},
		{"is_pinned", map_is_pinned},
		{NULL, NULL},
	};

	object_add_methods(L, object_methods);
	program_add_methods(L, program_methods);
	map_add_methods(L, map_methods);
}
