/* A variable is in one of libbpf's internal maps (.bss, .data, .rodata, .kconfig, or another
 * section), at an offset that BTF tells. Before the object is loaded, its memory is the map's
 * initial value. After the load the map is mapped here, once, because libbpf's own mapping may be a
 * stale copy. A map that cannot be mapped, because all its variables are static, is looked up. An
 * arena has libbpf's mapping, which is at the address that programs know.
 */
#include "map/vars.h"

#include "base/value.h"
#include "btf/codec.h"
#include "map/variable.h"
#include "object/object.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const char VARS[] = "lbpf.vars";

/* A map's memory after the load. */
struct mapping {
	struct mapping *next;
	const struct bpf_map *map;
	char *memory; /* NULL: the map cannot be mapped */
	size_t size;
	bool writable;
};

struct var {
	struct bpf_map *map;
	struct codec *codec;
	const struct mapping *mapping; /* NULL before the first access after the load */
	uint32_t offset, size;
	bool needs_names, is_in_arena;
};

/* Its uservalue has the number of each known variable, by name, and at that number the names of the
 * members of its type.
 */
struct vars {
	struct owner *owner;
	struct var *list;
	int n; /* how many; numbers are from 1 */
	struct mapping *mappings;
};

/* Finding -------------------------------------------------------------------------------- */

/* Pushes the codec of the variable, or of the part of it at PATH; raises if there is no such part.
 */
static struct codec *push_variable_codec(lua_State *L, struct owner *owner,
					 const struct variable *v, const char *path)
{
	const struct btf *btf = bpf_object__btf(object_of(owner));
	struct codec *codec = codec_push(L, btf, NULL, v->type, &(struct codec_opts){0});

	if (!codec)
		luaL_error(L, "variable '%s' of object '%s' has a type without a form", v->name,
			   owner->name);
	if (!*path)
		return codec;
	codec_require_part(L, codec, path, v->name);
	lua_pop(L, 1);
	return codec_push(L, btf, NULL, v->type, &(struct codec_opts){.part = path});
}

/* Adds the variable that the string on top names, stores its number in the uservalue, at KNOWN, and
 * replaces the name by the number.
 */
static void add_variable(lua_State *L, struct vars *vars, int known)
{
	const char *path;
	struct codec *codec;
	struct variable v;
	struct var *more;

	variable_find(L, vars->owner, lua_tostring(L, -1), &v, &path);
	codec = push_variable_codec(L, vars->owner, &v, path);
	class_env(L, -1);
	lua_rawseti(L, known, vars->n + 1);
	more = realloc(vars->list, ((size_t)vars->n + 1) * sizeof(*more));
	if (!more)
		luaL_error(L, "not enough memory");
	vars->list = more;
	more[vars->n++] = (struct var){
		.map = v.map,
		.codec = codec_ref(codec),
		.offset = v.offset + (uint32_t)codec_offset(codec),
		.size = (uint32_t)codec_size(codec),
		.needs_names = codec_needs_names(codec),
		.is_in_arena = variable_is_in_arena(&v),
	};
	lua_pop(L, 1);
	lua_pushinteger(L, vars->n);
	lua_rawset(L, known);
	lua_pushinteger(L, vars->n);
}

/* Memory --------------------------------------------------------------------------------- */

/* The memory of a map that has been loaded. */
static const struct mapping *mapping_of(lua_State *L, struct vars *vars, const struct bpf_map *map)
{
	int protection = PROT_READ | PROT_WRITE, fd = bpf_map__fd(map);
	size_t size = bpf_map__value_size(map);
	struct mapping *m = vars->mappings;
	void *memory;

	while (m && m->map != map)
		m = m->next;
	if (m)
		return m;
	m = malloc(sizeof(*m));
	if (!m)
		luaL_error(L, "not enough memory");
	memory = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) /* the kernel has frozen .rodata and .kconfig */
		memory = mmap(NULL, size, protection = PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		memory = NULL;
	*m = (struct mapping){vars->mappings, map, memory, size,
			      !memory || (protection & PROT_WRITE)};
	vars->mappings = m;
	return m;
}

/* The variable's address where libbpf has it: before the load, and of an arena. */
static char *locate_initial(lua_State *L, struct vars *vars, const struct var *v)
{
	size_t size = 0;
	char *initial = (char *)bpf_map__initial_value(v->map, &size);

	if (v->is_in_arena && *object_arena(vars->owner))
		initial = *object_arena(vars->owner);
	if (!initial || v->offset + v->size > size)
		luaL_error(L, "variable '%s' has no value before the load", lua_tostring(L, 2));
	return initial + v->offset;
}

/* The current address of the variable. NULL: its map must be looked up, by its mapping. */
static char *locate(lua_State *L, struct vars *vars, struct var *v, bool write)
{
	if (!v->mapping) {
		if (v->is_in_arena || !object_is_loading_over(vars->owner))
			return locate_initial(L, vars, v);
		if (!object_is_loaded(vars->owner))
			luaL_error(L, "object '%s' is not loaded", vars->owner->name);
		v->mapping = mapping_of(L, vars, v->map);
	}
	if (v->offset + v->size > v->mapping->size)
		luaL_error(L, "variable '%s' is outside of its map", lua_tostring(L, 2));
	if (write && !v->mapping->writable)
		luaL_error(L, "variable '%s' is constant: assign it before the load",
			   lua_tostring(L, 2));
	return v->mapping->memory ? v->mapping->memory + v->offset : NULL;
}

static int refuse_map(lua_State *L, int error)
{
	if (error == EPERM)
		return luaL_error(L, "variable '%s' is constant: assign it before the load",
				  lua_tostring(L, 2));
	return luaL_error(L, "variable '%s': its map: %s", lua_tostring(L, 2), strerror(error));
}

/* Reads the whole map into WHOLE, copies the variable to or from it, and writes it back if so. */
static void copy_by_lookup(lua_State *L, const struct var *v, char *whole, char *copy, bool write)
{
	int fd = bpf_map__fd(v->map), err;
	uint32_t zero = 0;

	err = bpf_map_lookup_elem(fd, &zero, whole);
	if (err)
		refuse_map(L, value_errno(err));
	if (!write) {
		memcpy(copy, whole + v->offset, v->size);
		return;
	}
	memcpy(whole + v->offset, copy, v->size);
	err = bpf_map_update_elem(fd, &zero, whole, 0);
	if (err)
		refuse_map(L, value_errno(err));
}

/* Copies the value of the variable of this number to COPY, or COPY to it. Wherever Lua allocates, a
 * finalizer may add other variables, which moves the list, or load the object.
 */
static void copy_value(lua_State *L, struct vars *vars, lua_Integer number, char *copy, bool write)
{
	char *at = locate(L, vars, &vars->list[number], write), *whole;

	if (!at) {
		whole = compat_newuserdata(L, vars->list[number].mapping->size);
		owner_check(L, vars->owner);
		copy_by_lookup(L, &vars->list[number], whole, copy, write);
		lua_pop(L, 1);
	} else if (write) {
		memcpy(at, copy, vars->list[number].size);
	} else {
		memcpy(copy, at, vars->list[number].size);
	}
}

/* The number of the variable that argument 2 names; *NAMES becomes the index of its type's names.
 */
static lua_Integer find_var(lua_State *L, struct vars *vars, int *names)
{
	int known = lua_gettop(L) + 1;
	lua_Integer number;

	if (lua_type(L, 2) != LUA_TSTRING)
		luaL_checkstring(L, 2); /* a number becomes a string */
	owner_check(L, vars->owner);
	class_env(L, 1);
	lua_pushvalue(L, 2);
	lua_rawget(L, known);
	number = lua_tointeger(L, -1);
	if (number == 0) {
		lua_pushvalue(L, 2);
		add_variable(L, vars, known);
		number = lua_tointeger(L, -1);
	}
	if (number < 1 || number > vars->n)
		luaL_argerror(L, 2, "not a variable");
	*names = 0;
	if (vars->list[number - 1].needs_names) {
		lua_rawgeti(L, known, (int)number);
		codec_check_names(L, -1);
		*names = lua_gettop(L);
	}
	return number - 1;
}

static int vars_index(lua_State *L)
{
	struct vars *vars = class_check(L, 1, VARS);
	int names;
	lua_Integer number = find_var(L, vars, &names);
	const struct codec *codec = vars->list[number].codec;
	uint32_t size = vars->list[number].size;
	char small[512], *copy = small;

	if (size > sizeof(small))
		copy = compat_newuserdata(L, size);
	copy_value(L, vars, number, copy, false);
	return codec_decode(L, codec, names, copy, size);
}

/*** @module lbpf */
/*** Compiled code for variables
@section compiled_vars
*/

/* For compiled code, which reads a copy as well: returns that, or NULL if the object is closed, or
 * VARS finalized.
 */
static char *copy_variable(const struct vars *vars, const char *variable, char *copy, uint32_t size)
{
	if (!vars->owner || vars->owner->closed)
		return NULL;
	return memcpy(copy, variable, size);
}

/*** Replaces the function that reads variables. Only `lbpf.jit` calls this.
@function set_variable_reader
@local
@tparam function fn
@treturn function the previous one
@treturn lightuserdata the address of the function that copies a variable
*/
static int set_variable_reader(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_settop(L, 1);
	luaL_getmetatable(L, VARS);
	lua_getfield(L, 2, "__index");
	lua_pushvalue(L, 1);
	lua_setfield(L, 2, "__index");
	lua_pushlightuserdata(L, (void *)(uintptr_t)copy_variable);
	return 2;
}

/*** Returns what code that reads a variable is generated from.
@function compiled_variable
@local
@param vars `object.vars`
@param name
@treturn[1] nil if it is none, or was not read since the load
@treturn[2] lightuserdata its list
@treturn[2] lightuserdata its address
@treturn[2] table its type
*/
static int compiled_variable(lua_State *L)
{
	const struct vars *vars = class_test(L, 1, VARS);
	const struct var *v = NULL;
	lua_Integer number = 0;

	lua_settop(L, 2);
	if (vars && lua_type(L, 2) == LUA_TSTRING) {
		class_env(L, 1);
		lua_pushvalue(L, 2);
		lua_rawget(L, -2);
		number = lua_isnumber(L, -1) ? lua_tointeger(L, -1) : 0;
	}
	if (number > 0 && number <= vars->n)
		v = &vars->list[number - 1];
	if (!v || !v->mapping || !v->mapping->memory ||
	    v->offset + codec_size(v->codec) > v->mapping->size) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushlightuserdata(L, (void *)vars);
	lua_pushlightuserdata(L, v->mapping->memory + v->offset);
	codec_describe(L, v->codec);
	return 3;
}

/* Encoding may call the script's code, and all of it is checked before programs can see any. */
static int vars_newindex(lua_State *L)
{
	struct vars *vars = class_check(L, 1, VARS);
	int names;
	lua_Integer number = find_var(L, vars, &names);
	const struct codec *codec = vars->list[number].codec;
	char *value = compat_newuserdata(L, codec_size(codec) + 1);

	if (codec_is_bit_field(codec)) /* which leaves its neighbours as they are */
		copy_value(L, vars, number, value, false);
	codec_encode(L, codec, names, 3, value, codec_size(codec), 0, lua_tostring(L, 2));
	owner_check(L, vars->owner);
	copy_value(L, vars, number, value, true);
	return 0;
}

/* Pushes what names the variable: its name, or its number if others have the name, too. */
static void push_key(lua_State *L, struct owner *owner, const struct variable *v)
{
	if (variable_count(owner, v->name) > 1)
		lua_pushinteger(L, (lua_Integer)v->id);
	else
		lua_pushstring(L, v->name);
}

/* Steps to the variable after that of argument 2: its name, and its value. */
static int vars_step(lua_State *L)
{
	struct vars *vars = class_check(L, 1, VARS);
	struct variable v = {0};
	const char *path;

	owner_check(L, vars->owner);
	lua_settop(L, 2);
	if (!lua_isnil(L, 2))
		variable_find(L, vars->owner, luaL_checkstring(L, 2), &v, &path);
	if (!variable_next(object_of(vars->owner), &v))
		return value_none(L);
	push_key(L, vars->owner, &v);
	lua_replace(L, 2);
	lua_pushvalue(L, 2);
	lua_gettable(L, 1);
	return 2;
}

static int vars_pairs(lua_State *L)
{
	class_check(L, 1, VARS);
	lua_settop(L, 1);
	lua_pushcfunction(L, vars_step);
	lua_insert(L, 1);
	lua_pushnil(L);
	return 3;
}

/*** Variables
@section variables
*/

/*** Iterates over the variables, as pairs(object.vars) does from Lua 5.2 on.
@function object:each_variable
@treturn function for a loop: the name and the value of each; the number, if several have that name
@usage for name, value in object:each_variable() do
  print(name, value)
end
*/
static int object_each_variable(lua_State *L)
{
	struct owner *owner = object_check(L, 1);

	lua_settop(L, 1);
	class_env(L, 1);
	vars_push(L, owner, 2);
	lua_replace(L, 1);
	return vars_pairs(L);
}

static int vars_gc(lua_State *L)
{
	struct vars *vars = class_retire(L, VARS);

	while (vars->mappings) {
		struct mapping *m = vars->mappings;

		vars->mappings = m->next;
		if (m->memory)
			munmap(m->memory, m->size);
		free(m);
	}
	while (vars->n > 0)
		codec_unref(vars->list[--vars->n].codec);
	free(vars->list);
	owner_unref(vars->owner);
	vars->owner = NULL;
	return 0;
}

void vars_push(lua_State *L, struct owner *owner, int env)
{
	struct vars *vars;

	env = lua_absindex(L, env);
	lua_getfield(L, env, "vars");
	if (!lua_isnil(L, -1))
		return;
	lua_pop(L, 1);
	vars = class_push(L, VARS, sizeof(*vars), 0);
	vars->owner = owner_ref(owner);
	lua_pushvalue(L, -1);
	lua_setfield(L, env, "vars");
}

void vars_open(lua_State *L)
{
	static const luaL_Reg none[] = {{NULL, NULL}};
	static const luaL_Reg methods[] = {{"each_variable", object_each_variable}, {NULL, NULL}};
	static const luaL_Reg vars_meta[] = {{"__index", vars_index},
					     {"__newindex", vars_newindex},
					     {"__pairs", vars_pairs},
					     {"__gc", vars_gc},
					     {NULL, NULL}};

	class_new(L, VARS, none, vars_meta);
	object_add_methods(L, methods);
	lua_pushcfunction(L, set_variable_reader);
	lua_setfield(L, -2, "set_variable_reader");
	lua_pushcfunction(L, compiled_variable);
	lua_setfield(L, -2, "compiled_variable");
}
