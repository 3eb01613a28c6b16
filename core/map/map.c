#include "map/map.h"

#include "map/codec.h"
#include "object/object.h"
#include <bpf/bpf.h>
#include <stdio.h>

/*** @module lbpf */
/*** Maps
@section maps
*/

static const char MAP[] = "lbpf.map";

struct map {
	struct bpf_map *map;
	struct owner *owner;
	struct mapcodec codec; /* of the map in the kernel, once it is known */
	bool known;
};

void map_push(lua_State *L, struct owner *owner, struct bpf_map *map, int env)
{
	struct map *m;

	env = lua_absindex(L, env);
	compat_rawgetp(L, env, map);
	if (!lua_isnil(L, -1))
		return;
	lua_pop(L, 1);
	m = class_push(L, MAP, sizeof(*m), env);
	m->map = map;
	m->owner = m->codec.owner = owner_ref(owner);
	lua_pushvalue(L, -1);
	compat_rawsetp(L, env, map);
}

static struct map *check_map_handle(lua_State *L, int arg)
{
	struct map *m = class_check(L, arg, MAP);

	owner_check(L, m->owner);
	return m;
}

struct bpf_map *map_check(lua_State *L, int arg, struct owner **owner)
{
	struct map *m = check_map_handle(L, arg);

	if (owner)
		*owner = m->owner;
	return m->map;
}

struct bpf_map *map_check_of(lua_State *L, int arg, const struct owner *owner)
{
	struct map *m = check_map_handle(L, arg);

	luaL_argcheck(L, m->owner == owner, arg, "the map belongs to another object");
	return m->map;
}

/* Is there a map behind its descriptor? Newer libbpf has a placeholder for a map that it has not
 * created, and any libbpf has one while it makes a loader program.
 */
static bool exists(const struct map *m)
{
	int fd = bpf_map__fd(m->map);
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	if (fd < 0 || object_is_generating(m->owner))
		return false;
	return bpf_map__autocreate(m->map) || bpf_obj_get_info_by_fd(fd, &info, &size) == 0;
}

struct bpf_map *map_check_created(lua_State *L, int arg)
{
	struct map *m = check_map_handle(L, arg);

	if (exists(m))
		return m->map;
	if (object_is_loaded(m->owner))
		luaL_error(L, "map '%s' does not exist: its autocreate is off",
			   bpf_map__name(m->map));
	luaL_error(L, "map '%s' does not exist: object '%s' is not loaded", bpf_map__name(m->map),
		   m->owner->name);
	return NULL;
}

struct bpf_map *map_test(lua_State *L, int idx)
{
	struct map *m = class_test(L, idx, MAP);

	return m && !m->owner->closed ? m->map : NULL;
}

struct owner *map_owner(lua_State *L, int idx)
{
	struct map *m = class_test(L, idx, MAP);

	return m ? m->owner : NULL;
}

/* The kernel trusts the sizes that the caller passes, and the map behind a descriptor may have been
 * replaced before the load: so the sizes are read from the kernel.
 */
const struct mapcodec *map_codec(lua_State *L, int arg)
{
	static const struct mapcodec_opts none;
	struct map *m = class_test(L, arg, MAP);
	struct bpf_map *map;

	if (!m)
		return NULL;
	if (m->known) {
		owner_check(L, m->owner);
		return &m->codec;
	}
	map = map_check_created(L, arg);
	lua_pushinteger(L, bpf_map__fd(map));
	mapfd_check(L, lua_gettop(L), &m->codec.map);
	snprintf(m->codec.map.name, sizeof(m->codec.map.name), "map '%.50s'", bpf_map__name(map));
	class_env(L, arg);
	lua_newtable(L);
	mapcodec_init(L, &m->codec, bpf_object__btf(object_of(m->owner)), bpf_map__name(map), 0, 0,
		      &none);
	compat_rawsetp(L, -2, &m->codec);
	lua_pop(L, 2);
	m->known = true;
	return &m->codec;
}

const struct mapcodec *map_known_codec(lua_State *L, int idx)
{
	const struct map *m = class_test(L, idx, MAP);

	return m && m->known && !m->owner->closed ? &m->codec : NULL;
}

static int map_gc(lua_State *L)
{
	struct map *m = class_retire(L, MAP);

	m->codec.map.fd = -1; /* compiled code may still refer to it */
	mapcodec_free(&m->codec);
	owner_unref(m->owner);
	return 0;
}

static int map_tostring(lua_State *L)
{
	struct map *m = class_check(L, 1, MAP);

	if (m->owner->closed)
		lua_pushfstring(L, "lbpf.map (object '%s' is closed)", m->owner->name);
	else
		lua_pushfstring(L, "lbpf.map: %s", bpf_map__name(m->map));
	return 1;
}

void map_add_methods(lua_State *L, const luaL_Reg *methods)
{
	class_add_methods(L, MAP, methods);
}

void map_open(lua_State *L)
{
	static const luaL_Reg none[] = {{NULL, NULL}};
	static const luaL_Reg meta[] = {{"__gc", map_gc},
					{"__pairs", class_pairs},
					{"__tostring", map_tostring},
					{NULL, NULL}};

	class_new(L, MAP, none, meta);
}
