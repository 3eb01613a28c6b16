/* A variable lies in one of libbpf's internal maps (.bss, .data, .rodata, .kconfig, or a section of
 * one's own), at an offset that BTF tells. Before the object is loaded its memory is the map's
 * initial value. Afterwards the map is mapped here, once: libbpf's own mapping may be a stale copy.
 */
#include "vars.h"

#include "codec.h"
#include "object.h"
#include "value.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define VARS    "lbpf.vars"
#define VAR     "lbpf.var"
#define MAPPING "lbpf.mapping"

/* In the object's table: variables by name, and mappings by the address of their map. */
#define KNOWN "variables"

struct vars {
	struct owner *owner;
};

/* A map's memory after the load. */
struct mapping {
	char *memory;
	size_t size;
	bool writable;
};

/* Its uservalue keeps the codec, and the mapping once there is one. */
struct var {
	struct bpf_map *map;
	const struct codec *codec;
	const struct mapping *mapping;
	uint32_t offset;
};

/* Finding -------------------------------------------------------------------------------- */

/* The variable that the first LEN bytes of NAME name: its type and its offset in *MAP. */
static uint32_t find(struct bpf_object *obj, const char *name, size_t len, struct bpf_map **map,
		     uint32_t *offset)
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

	return find(object_of(owner), name, strlen(name), &map, &offset) != 0;
}

/* Pushes the variable that the string at 2 names, and remembers it in the table at KNOWN. */
static struct var *push_var(lua_State *L, struct owner *owner, int known)
{
	const char *name = luaL_checkstring(L, 2);
	size_t len = strcspn(name, ".[");
	struct bpf_object *obj = object_of(owner);
	uint32_t offset = 0, part = 0, type;
	struct bpf_map *map;
	struct var *v;

	type = find(obj, name, len, &map, &offset);
	if (type && name[len])
		type = codec_find_part(bpf_object__btf(obj), type, name + len, &part);
	if (!type)
		luaL_error(L, "object '%s' has no variable '%s'", owner->name, name);
	v = class_push(L, VAR, sizeof(*v), 0);
	compat_getuservalue(L, -1);
	v->map = map;
	v->offset = offset + part;
	v->codec = codec_push(L, bpf_object__btf(obj), type, &(struct codec_opts){0});
	if (!v->codec)
		luaL_error(L, "variable '%s' of object '%s' has a type without a form", name,
			   owner->name);
	lua_setfield(L, -2, "codec");
	lua_pop(L, 1);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, -2);
	lua_rawset(L, known);
	return v;
}

/* Memory --------------------------------------------------------------------------------- */

static int mapping_gc(lua_State *L)
{
	struct mapping *m = class_retire(L, MAPPING);

	if (m->memory)
		munmap(m->memory, m->size);
	return 0;
}

/* Pushes the memory of a map that is loaded. */
static struct mapping *push_mapping(lua_State *L, struct bpf_map *map, int known)
{
	int protection = PROT_READ | PROT_WRITE, fd = bpf_map__fd(map);
	struct mapping *m;
	void *memory;
	size_t size;

	compat_rawgetp(L, known, map);
	m = luaL_testudata(L, -1, MAPPING);
	if (m)
		return m;
	lua_pop(L, 1);
	m = class_push(L, MAPPING, sizeof(*m), 0);
	size = bpf_map__value_size(map);
	memory = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) /* the kernel froze .rodata and .kconfig */
		memory = mmap(NULL, size, protection = PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		luaL_error(L, "map '%s' cannot be mapped: %s", bpf_map__name(map), strerror(errno));
	*m = (struct mapping){memory, size, protection & PROT_WRITE};
	lua_pushvalue(L, -1);
	compat_rawsetp(L, known, map);
	return m;
}

/* Where the variable on top of the stack is now. */
static char *locate(lua_State *L, struct var *v, struct owner *owner, int known, bool write)
{
	size_t size = 0;
	char *initial;

	if (!object_is_loading_over(owner)) {
		initial = (char *)bpf_map__initial_value(v->map, &size);
		if (!initial || v->offset + codec_size(v->codec) > size)
			luaL_error(L, "variable '%s' has no value before the load",
				   lua_tostring(L, 2));
		return initial + v->offset;
	}
	if (!v->mapping) {
		int var = lua_gettop(L);

		if (!object_is_loaded(owner))
			luaL_error(L, "object '%s' is not loaded", owner->name);
		compat_getuservalue(L, var);
		v->mapping = push_mapping(L, v->map, known);
		lua_setfield(L, -2, "mapping");
		lua_settop(L, var);
	}
	if (v->offset + codec_size(v->codec) > v->mapping->size)
		luaL_error(L, "variable '%s' lies outside of its map", lua_tostring(L, 2));
	if (write && !v->mapping->writable)
		luaL_error(L, "variable '%s' is constant: assign it before the load",
			   lua_tostring(L, 2));
	return v->mapping->memory + v->offset;
}

/* The memory of the variable that argument 2 names. The names of its codec are pushed. */
static char *access(lua_State *L, struct var **v, bool write)
{
	struct vars *vars = luaL_checkudata(L, 1, VARS);
	int known = write ? 4 : 3;
	char *memory;

	owner_check(L, vars->owner);
	lua_settop(L, known - 1);
	compat_getuservalue(L, 1);
	lua_getfield(L, -1, KNOWN);
	lua_replace(L, known);
	lua_pushvalue(L, 2);
	lua_rawget(L, known);
	*v = luaL_testudata(L, -1, VAR);
	if (!*v) {
		lua_pop(L, 1);
		*v = push_var(L, vars->owner, known);
	}
	/* the debug library may have cut it off: then this raises */
	compat_getuservalue(L, -1);
	luaL_checktype(L, -1, LUA_TTABLE);
	lua_getfield(L, -1, "mapping");
	(*v)->mapping = luaL_testudata(L, -1, MAPPING);
	lua_getfield(L, -2, "codec");
	(*v)->codec = codec_check(L, -1);
	lua_pushvalue(L, -4);
	memory = locate(L, *v, vars->owner, known, write);
	lua_pop(L, 1);
	compat_getuservalue(L, -1);
	return memory;
}

static int vars_index(lua_State *L)
{
	struct var *v;
	char *memory = access(L, &v, false);

	return codec_decode(L, v->codec, lua_gettop(L), memory);
}

static int vars_newindex(lua_State *L)
{
	struct var *v;
	char *memory = access(L, &v, true), *value;
	int names = lua_gettop(L);

	/* all of it is checked before any of it is visible to programs that run */
	value = compat_newuserdata(L, codec_size(v->codec) + 1);
	codec_encode(L, v->codec, names, 3, value, 0, lua_tostring(L, 2));
	memcpy(memory, value, codec_size(v->codec));
	return 0;
}

static int vars_gc(lua_State *L)
{
	owner_unref(((struct vars *)class_retire(L, VARS))->owner);
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
	lua_newtable(L);
	lua_setfield(L, env, KNOWN);
	vars = class_push(L, VARS, sizeof(*vars), env);
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
	static const luaL_Reg mapping_meta[] = {{"__gc", mapping_gc}, {NULL, NULL}};

	class_new(L, VARS, none, vars_meta);
	class_new(L, VAR, none, none);
	class_new(L, MAPPING, none, mapping_meta);
}
