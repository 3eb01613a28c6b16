/* A variable is in one of libbpf's internal maps (.bss, .data, .rodata, .kconfig, or another
 * section), at an offset that BTF tells. Before the object is loaded, its memory is the map's
 * initial value. After the load the map is mapped here, once, because libbpf's own mapping may be a
 * stale copy.
 */
#include "map/vars.h"

#include "base/nearest.h"
#include "base/value.h"
#include "btf/codec.h"
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
	char *memory;
	size_t size;
	bool writable;
};

struct var {
	struct bpf_map *map;
	struct codec *codec;
	const struct mapping *mapping; /* NULL before the first access after the load */
	uint32_t offset, size;
	bool needs_names;
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

/* Finds the variable whose name is the first LEN bytes of NAME: its type, and its offset in *MAP.
 */
static uint32_t find_variable(struct bpf_object *obj, const char *name, size_t len,
			      struct bpf_map **map, uint32_t *offset)
{
	const struct btf *btf = bpf_object__btf(obj);

	bpf_object__for_each_map(*map, obj)
	{
		uint32_t section =
			bpf_map__is_internal(*map) ? bpf_map__btf_value_type_id(*map) : 0;
		const struct btf_type *t = section ? btf__type_by_id(btf, section) : NULL;

		for (uint32_t i = 0; t && btf_is_datasec(t) && i < btf_vlen(t); i++) {
			const struct btf_var_secinfo *info = btf_var_secinfos(t) + i;
			const struct btf_type *var = btf__type_by_id(btf, info->type);
			const char *is = btf__name_by_offset(btf, var->name_off);

			if (strncmp(is, name, len) == 0 && is[len] == '\0') {
				*offset = info->offset;
				return var->type;
			}
		}
	}
	return 0;
}

bool vars_has(struct owner *owner, const char *name)
{
	struct bpf_map *map;
	uint32_t offset;

	return find_variable(object_of(owner), name, strlen(name), &map, &offset) != 0;
}

/* Raises: there is no variable NAME, but others. */
static void refuse_variable(lua_State *L, struct owner *owner, const char *name)
{
	struct bpf_object *obj = object_of(owner);
	const struct btf *btf = bpf_object__btf(obj);
	struct nearest near = {.wanted = name};
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj)
	{
		uint32_t section = bpf_map__is_internal(map) ? bpf_map__btf_value_type_id(map) : 0;
		const struct btf_type *t = section ? btf__type_by_id(btf, section) : NULL;

		for (uint32_t i = 0; t && btf_is_datasec(t) && i < btf_vlen(t); i++) {
			uint32_t id = btf_var_secinfos(t)[i].type;

			nearest_add(&near,
				    btf__name_by_offset(btf, btf__type_by_id(btf, id)->name_off));
		}
	}
	luaL_error(L, "object '%s' has no variable '%s'; there are: %s", owner->name, name,
		   nearest_push(L, &near));
}

/* Adds the variable that the string at 2 names, stores its number in the uservalue, at KNOWN, and
 * pushes the number.
 */
static void add_variable(lua_State *L, struct vars *vars, int known)
{
	const char *name = luaL_checkstring(L, 2);
	size_t len = strcspn(name, ".[");
	struct owner *owner = vars->owner;
	const struct btf *btf = bpf_object__btf(object_of(owner));
	uint32_t offset = 0, part = 0, type;
	struct codec *codec;
	struct bpf_map *map;
	struct var *more;

	type = find_variable(object_of(owner), name, len, &map, &offset);
	if (type && name[len])
		type = codec_find_part(btf, type, name + len, &part);
	if (!type)
		refuse_variable(L, owner, name);
	codec = codec_push(L, btf, NULL, type, &(struct codec_opts){0});
	if (!codec)
		luaL_error(L, "variable '%s' of object '%s' has a type without a form", name,
			   owner->name);
	class_env(L, -1);
	lua_rawseti(L, known, vars->n + 1);
	more = realloc(vars->list, ((size_t)vars->n + 1) * sizeof(*more));
	if (!more)
		luaL_error(L, "not enough memory");
	vars->list = more;
	more[vars->n++] = (struct var){
		.map = map,
		.codec = codec_ref(codec),
		.offset = offset + part,
		.size = (uint32_t)codec_size(codec),
		.needs_names = codec_needs_names(codec),
	};
	lua_pushvalue(L, 2);
	lua_pushinteger(L, vars->n);
	lua_rawset(L, known);
	lua_pop(L, 1);
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
	if (memory == MAP_FAILED) {
		free(m);
		luaL_error(L, "map '%s' cannot be mapped: %s", bpf_map__name(map), strerror(errno));
	}
	*m = (struct mapping){vars->mappings, map, memory, size, protection & PROT_WRITE};
	vars->mappings = m;
	return m;
}

/* The current address of the variable. */
static char *locate(lua_State *L, struct vars *vars, struct var *v, bool write)
{
	size_t size = 0;
	char *initial;

	if (!v->mapping && !object_is_loading_over(vars->owner)) {
		initial = (char *)bpf_map__initial_value(v->map, &size);
		if (!initial || v->offset + v->size > size)
			luaL_error(L, "variable '%s' has no value before the load",
				   lua_tostring(L, 2));
		return initial + v->offset;
	}
	if (!v->mapping) {
		if (!object_is_loaded(vars->owner))
			luaL_error(L, "object '%s' is not loaded", vars->owner->name);
		v->mapping = mapping_of(L, vars, v->map);
	}
	if (v->offset + v->size > v->mapping->size)
		luaL_error(L, "variable '%s' is outside of its map", lua_tostring(L, 2));
	if (write && !v->mapping->writable)
		luaL_error(L, "variable '%s' is constant: assign it before the load",
			   lua_tostring(L, 2));
	return v->mapping->memory + v->offset;
}

/* The number of the variable that argument 2 names; *NAMES becomes the index of its type's names.
 */
static lua_Integer find_var(lua_State *L, struct vars *vars, int *names)
{
	int known = lua_gettop(L) + 1;
	lua_Integer number;

	owner_check(L, vars->owner);
	class_env(L, 1);
	lua_pushvalue(L, 2);
	lua_rawget(L, known);
	number = lua_tointeger(L, -1);
	if (number == 0) {
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

/* Wherever Lua allocates, a finalizer may add other variables, which moves the list, or load the
 * object. Therefore a copy is decoded.
 */
static int vars_index(lua_State *L)
{
	struct vars *vars = class_check(L, 1, VARS);
	int names;
	lua_Integer number = find_var(L, vars, &names);
	char small[512], *copy = small;
	struct var *v = &vars->list[number];

	if (v->size > sizeof(small)) {
		copy = compat_newuserdata(L, v->size);
		v = &vars->list[number];
	}
	memcpy(copy, locate(L, vars, v, false), v->size);
	return codec_decode(L, v->codec, names, copy, codec_size(v->codec));
}

/*** @module lbpf */
/*** Compiled code for variables
@section compiled_vars
*/

/* For compiled code, which reads a copy as well: 0 if the object is closed, or VARS finalized. */
static int copy_variable(const struct vars *vars, const char *variable, char *copy, uint32_t size)
{
	if (!vars->owner || vars->owner->closed)
		return 0;
	memcpy(copy, variable, size);
	return 1;
}

/*** Replaces the function that reads variables. Only `lbpf.jit` calls this.
@function set_variable_reader
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
	if (!v || !v->mapping || v->offset + codec_size(v->codec) > v->mapping->size) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushlightuserdata(L, (void *)vars);
	lua_pushlightuserdata(L, v->mapping->memory + v->offset);
	codec_describe(L, v->codec);
	return 3;
}

/* Encoding may call the script's code, which may add other variables and so move the list, or load
 * the object. Therefore the address is determined afterwards.
 */
static int vars_newindex(lua_State *L)
{
	struct vars *vars = class_check(L, 1, VARS);
	int names;
	lua_Integer number = find_var(L, vars, &names);
	const struct codec *codec = vars->list[number].codec;
	char *value = compat_newuserdata(L, codec_size(codec) + 1);

	/* all of it is checked before programs can see any of it */
	codec_encode(L, codec, names, 3, value, codec_size(codec), 0, lua_tostring(L, 2));
	owner_check(L, vars->owner);
	memcpy(locate(L, vars, &vars->list[number], true), value, codec_size(codec));
	return 0;
}

static int vars_gc(lua_State *L)
{
	struct vars *vars = class_retire(L, VARS);

	while (vars->mappings) {
		struct mapping *m = vars->mappings;

		vars->mappings = m->next;
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
	static const luaL_Reg vars_meta[] = {{"__index", vars_index},
					     {"__newindex", vars_newindex},
					     {"__gc", vars_gc},
					     {NULL, NULL}};

	class_new(L, VARS, none, vars_meta);
	lua_pushcfunction(L, set_variable_reader);
	lua_setfield(L, -2, "set_variable_reader");
	lua_pushcfunction(L, compiled_variable);
	lua_setfield(L, -2, "compiled_variable");
}
