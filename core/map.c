#include "map.h"

#include "attach.h"
#include "enum.h"
#include "mapattr.h"
#include "mapfd.h"
#include "mapinit.h"
#include "object.h"
#include "pin.h"
#include "syscall.h"
#include "value.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

/*** @module lbpf */
/*** Maps
@section maps
*/

#define MAP "lbpf.map"

struct map {
	struct bpf_map *map;
	struct owner *owner;
	size_t key_size, value_size; /* of the kernel's map, once it has been asked */
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
	m->owner = owner_ref(owner);
	lua_pushvalue(L, -1);
	compat_rawsetp(L, env, map);
}

static struct map *check(lua_State *L, int arg)
{
	struct map *m = luaL_checkudata(L, arg, MAP);

	owner_check(L, m->owner);
	return m;
}

struct bpf_map *map_check(lua_State *L, int arg, struct owner **owner)
{
	struct map *m = check(L, arg);

	if (owner)
		*owner = m->owner;
	return m->map;
}

struct bpf_map *map_check_of(lua_State *L, int arg, const struct owner *owner)
{
	struct map *m = check(L, arg);

	luaL_argcheck(L, m->owner == owner, arg, "a map of another object");
	return m->map;
}

/* Is there a map behind its descriptor? Newer libbpf has a placeholder for one that it did not
 * create, and any libbpf while it makes a loader program.
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
	struct map *m = check(L, arg);

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
	struct map *m = luaL_testudata(L, idx, MAP);

	return m && !m->owner->closed ? m->map : NULL;
}

struct owner *map_owner(lua_State *L, int idx)
{
	struct map *m = luaL_testudata(L, idx, MAP);

	return m ? m->owner : NULL;
}

/* The map at 1 with its sizes, as the kernel has them: calls by descriptor trust the caller, and
 * the map behind one may have been swapped.
 */
static struct map *check_sized(lua_State *L)
{
	struct bpf_map *map = map_check_created(L, 1);
	struct map *m = lua_touserdata(L, 1);
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	if (m->known)
		return m;
	if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &size))
		luaL_error(L, "map '%s': %s", bpf_map__name(map), strerror(errno));
	m->key_size = info.key_size;
	m->value_size = info.value_size;
	if (mapfd_is_per_cpu(info.type))
		m->value_size = (m->value_size + 7) / 8 * 8 * (size_t)libbpf_num_possible_cpus();
	m->known = true;
	return m;
}

/* The bytes at ARG, which must be SIZE long. */
static const char *check_bytes(lua_State *L, int arg, size_t size, const char *what)
{
	size_t len;
	const char *bytes = luaL_checklstring(L, arg, &len);

	if (len != size)
		luaL_argerror(L, arg,
			      lua_pushfstring(L, "a %s of this map has %d bytes, not %d", what,
					      (int)size, (int)len));
	return bytes;
}

/* A queue or a stack has no keys: a script gives nil, or no bytes, and the kernel wants NULL. */
static const char *check_key(lua_State *L, int arg, const struct map *m)
{
	if (m->key_size > 0 || !lua_isnoneornil(L, arg))
		check_bytes(L, arg, m->key_size, "key");
	return m->key_size ? lua_tostring(L, arg) : NULL;
}

static uint64_t check_flags(lua_State *L, int arg)
{
	static const char *const names[] = {"any", "noexist", "exist", NULL};
	uint64_t flags;

	if (lua_isnoneornil(L, arg))
		return BPF_ANY;
	if (lua_type(L, arg) == LUA_TSTRING && !value_to_u64(L, arg, &flags))
		return (uint64_t)luaL_checkoption(L, arg, NULL, names);
	return value_check_u64(L, arg);
}

static int fail(lua_State *L, const struct map *m, int ret, const char *operation)
{
	return value_fail(L, value_errno(ret), "%s: map '%s'", operation, bpf_map__name(m->map));
}

/* Elements ------------------------------------------------------------------------------- */

/* Pushes the value of a key, if there is one; else the negative error of the kernel. */
static int push_value(lua_State *L, const struct map *m, const void *key, uint64_t flags)
{
	char small[1024], *value = small;
	int ret;

	if (m->value_size > sizeof(small))
		value = compat_newuserdata(L, m->value_size);
	ret = bpf_map_lookup_elem_flags(bpf_map__fd(m->map), key, value, flags);
	if (ret == 0)
		lua_pushlstring(L, value, m->value_size);
	if (value != small)
		lua_remove(L, ret == 0 ? -2 : -1);
	return ret;
}

/*** Reads a value.
@function map:lookup
@tparam ?string key its bytes; nil for a queue or a stack, whose next value is read
@tparam ?integer flags 4: under the value's spin lock
@treturn ?string the value's bytes, of a per-CPU map those of all CPUs, each rounded up to 8; nil
 alone if there is no such key
@treturn[2] nil
@treturn[2] string message, and the error number
@see bpf_map__lookup_elem
*/
static int map_lookup(lua_State *L)
{
	const struct map *m = check_sized(L);
	const char *key = check_key(L, 2, m);
	int ret = push_value(L, m, key, check_flags(L, 3));

	if (ret == 0)
		return 1;
	if (value_errno(ret) != ENOENT)
		return fail(L, m, ret, "lookup");
	lua_pushnil(L);
	return 1;
}

/*** Writes a value.
@function map:update
@tparam ?string key its bytes; nil for a queue or a stack
@tparam string value its bytes
@tparam ?string|integer flags "any" (the default), "noexist": only a new key, "exist": only one
 that is there
@treturn map itself
@treturn[2] nil
@treturn[2] string message, and the error number: EEXIST, ENOENT, E2BIG if the map is full
@see bpf_map__update_elem
*/
static int map_update(lua_State *L)
{
	const struct map *m = check_sized(L);
	const char *key = check_key(L, 2, m);
	const char *value = check_bytes(L, 3, m->value_size, "value");
	int ret = bpf_map_update_elem(bpf_map__fd(m->map), key, value, check_flags(L, 4));

	if (ret)
		return fail(L, m, ret, "update");
	lua_settop(L, 1);
	return 1;
}

/*** Deletes a key.
@function map:delete
@tparam string key its bytes
@treturn boolean true; false if there is no such key
@treturn[2] nil
@treturn[2] string message, and the error number
@see bpf_map__delete_elem
*/
static int map_delete(lua_State *L)
{
	const struct map *m = check_sized(L);
	int ret = bpf_map_delete_elem(bpf_map__fd(m->map), check_key(L, 2, m));

	if (ret && value_errno(ret) != ENOENT)
		return fail(L, m, ret, "delete");
	lua_pushboolean(L, ret == 0);
	return 1;
}

/* Pushes the key after KEY (NULL: the first), or returns the negative error of the kernel. */
static int push_next_key(lua_State *L, const struct map *m, const char *key)
{
	/* the kernel bounds keys by what fits its stack, 512 bytes, or an allocation */
	char small[512], *next = small;
	int ret;

	if (m->key_size > sizeof(small))
		next = compat_newuserdata(L, m->key_size);
	ret = bpf_map_get_next_key(bpf_map__fd(m->map), key, next);
	if (ret == 0)
		lua_pushlstring(L, next, m->key_size);
	if (next != small)
		lua_remove(L, ret == 0 ? -2 : -1);
	return ret;
}

/*** The key after the given one, in no particular order.
@function map:next_key
@tparam ?string key nil, or one that is not there: the first
@treturn ?string nil alone after the last
@treturn[2] nil
@treturn[2] string message, and the error number
@see bpf_map__get_next_key
*/
static int map_next_key(lua_State *L)
{
	const struct map *m = check_sized(L);
	const char *key = lua_isnoneornil(L, 2) ? NULL : check_key(L, 2, m);
	int ret = push_next_key(L, m, key);

	if (ret == 0)
		return 1;
	if (value_errno(ret) != ENOENT)
		return fail(L, m, ret, "next_key");
	lua_pushnil(L);
	return 1;
}

/* The iterator: upvalue 1 is the map, 2 the key to be shown next, nil at the end. The one after it
 * is fetched before the loop's body sees it, which may delete it.
 */
static int map_next(lua_State *L)
{
	const struct map *m;
	const char *key;
	int ret;

	lua_settop(L, 0);
	lua_pushvalue(L, lua_upvalueindex(1));
	m = check_sized(L);
	for (;;) {
		lua_settop(L, 1);
		lua_pushvalue(L, lua_upvalueindex(2));
		if (lua_isnil(L, 2))
			return 0;
		key = lua_tostring(L, 2);
		ret = push_next_key(L, m, key);
		if (ret && value_errno(ret) != ENOENT)
			return luaL_error(L, "pairs: map '%s': %s", bpf_map__name(m->map),
					  strerror(value_errno(ret)));
		if (ret)
			lua_pushnil(L);
		lua_replace(L, lua_upvalueindex(2));
		ret = push_value(L, m, key, 0);
		if (ret == 0)
			return 2;
		if (value_errno(ret) != ENOENT) /* deleted by somebody else: the next */
			return luaL_error(L, "pairs: map '%s': %s", bpf_map__name(m->map),
					  strerror(value_errno(ret)));
	}
}

/*** For loops over the keys and values. The loop's body may delete the key it was given. While
somebody else deletes, the kernel may start anew, and show keys again.
@function map:pairs
@treturn function iterator
@raise in the loop, if the kernel refuses
@see bpf_map__get_next_key
*/
static int map_pairs(lua_State *L)
{
	const struct map *m = check_sized(L);
	int ret;

	luaL_argcheck(L, m->key_size > 0, 1, "a map of this type has no keys");
	lua_settop(L, 1);
	ret = push_next_key(L, m, NULL);
	if (ret && value_errno(ret) != ENOENT)
		return luaL_error(L, "pairs: map '%s': %s", bpf_map__name(m->map),
				  strerror(value_errno(ret)));
	if (ret)
		lua_pushnil(L);
	lua_pushcclosure(L, map_next, 2);
	return 1;
}

static int map_gc(lua_State *L)
{
	owner_unref(((struct map *)class_retire(L, MAP))->owner);
	return 0;
}

static int map_tostring(lua_State *L)
{
	struct map *m = luaL_checkudata(L, 1, MAP);

	if (m->owner->closed)
		lua_pushfstring(L, "lbpf.map (object '%s' is closed)", m->owner->name);
	else
		lua_pushfstring(L, "lbpf.map: %s", bpf_map__name(m->map));
	return 1;
}

void map_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"lookup", map_lookup},     {"update", map_update}, {"delete", map_delete},
		{"next_key", map_next_key}, {"pairs", map_pairs},   {NULL, NULL},
	};
	static const luaL_Reg meta[] = {{"__gc", map_gc},
					{"__pairs", map_pairs},
					{"__tostring", map_tostring},
					{NULL, NULL}};

	class_new(L, MAP, methods, meta);
	class_add_methods(L, MAP, mapattr_methods);
	class_add_methods(L, MAP, mapinit_methods);
	class_add_methods(L, MAP, pin_map_methods);
	class_add_methods(L, MAP, attach_map_methods);
	class_add_methods(L, MAP, map_fd_methods);
	class_add_methods(L, MAP, map_batch_methods);
}
