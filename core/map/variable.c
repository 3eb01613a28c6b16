#include "map/variable.h"

#include "base/nearest.h"
#include "map/attr.h"
#include "object/object.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>

/* The section of the map's variables in BTF; NULL if it has none. */
static const struct btf_type *section_of(const struct btf *btf, const struct bpf_map *map)
{
	int id = 0;

	if (bpf_map__is_internal(map))
		id = (int)bpf_map__btf_value_type_id(map);
	else if ((int)bpf_map__type(map) == MAP_TYPE_ARENA)
		id = btf__find_by_name_kind(btf, ".addr_space.1", BTF_KIND_DATASEC);
	if (id <= 0 || !btf_is_datasec(btf__type_by_id(btf, (uint32_t)id)))
		return NULL;
	return btf__type_by_id(btf, (uint32_t)id);
}

bool variable_next(struct bpf_object *obj, struct variable *v)
{
	const struct btf *btf = bpf_object__btf(obj);
	struct bpf_map *map = v->map ? v->map : bpf_object__next_map(obj, NULL);
	uint32_t place = v->place;

	for (; btf && map; map = bpf_object__next_map(obj, map), place = 0) {
		const struct btf_type *section = section_of(btf, map), *var;
		const struct btf_var_secinfo *info;

		if (!section || place == btf_vlen(section))
			continue;
		info = btf_var_secinfos(section) + place;
		var = btf__type_by_id(btf, info->type);
		*v = (struct variable){.map = map,
				       .name = btf__name_by_offset(btf, var->name_off),
				       .id = info->type,
				       .type = var->type,
				       .offset = info->offset,
				       .size = info->size,
				       .place = place + 1};
		return true;
	}
	return false;
}

/* The path that NAME has behind the variable's name; NULL if that is another. */
static const char *path_behind(const struct variable *v, const char *name)
{
	size_t len = strlen(v->name);

	if (!len || strncmp(v->name, name, len) != 0 || (name[len] && !strchr(".[", name[len])))
		return NULL;
	return name + len;
}

/* Raises: there are several. */
static void refuse_several(lua_State *L, struct owner *owner, const char *name)
{
	struct variable v = {0};
	uint32_t n = 0;
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	while (variable_next(object_of(owner), &v)) {
		if (!path_behind(&v, name) || ++n > CANDIDATES_MAX)
			continue;
		lua_pushfstring(L, "%s%d ('%s' in '%s', %d bytes at %d)", n > 1 ? "; " : "",
				(int)v.id, v.name, bpf_map__name(v.map), (int)v.size,
				(int)v.offset);
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	luaL_error(L,
		   "object '%s' has %d variables '%s': %s. Give the number of one in place of its "
		   "name",
		   owner->name, (int)n, name, lua_tostring(L, -1));
}

static void refuse_unknown(lua_State *L, struct owner *owner, const char *name)
{
	struct nearest near = {.wanted = name};
	struct variable v = {0};

	if (!bpf_object__btf(object_of(owner)))
		luaL_error(L, "object '%s' has no BTF, and so no variables: compile it with -g",
			   owner->name);
	while (variable_next(object_of(owner), &v))
		nearest_add(&near, v.name);
	luaL_error(L, "object '%s' has no variable '%s'; there are: %s", owner->name, name,
		   nearest_push(L, &near));
}

void variable_find(lua_State *L, struct owner *owner, const char *name, struct variable *found,
		   const char **path)
{
	struct variable v = {0};
	unsigned long id = name[0] >= '0' && name[0] <= '9' ? strtoul(name, NULL, 10) : 0;
	uint32_t n = 0;

	while (variable_next(object_of(owner), &v)) {
		const char *behind = id ? (v.id == id ? "" : NULL) : path_behind(&v, name);

		if (!behind)
			continue;
		n++;
		*found = v;
		*path = behind;
	}
	if (n == 0)
		refuse_unknown(L, owner, name);
	if (n > 1)
		refuse_several(L, owner, name);
}

unsigned variable_count(struct owner *owner, const char *name)
{
	struct variable v = {0};
	unsigned n = 0;

	while (variable_next(object_of(owner), &v))
		n += strcmp(v.name, name) == 0;
	return n;
}

bool variable_is_in_arena(const struct variable *v)
{
	return (int)bpf_map__type(v->map) == MAP_TYPE_ARENA;
}
