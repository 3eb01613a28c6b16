#include "map/init.h"

#include "base/bind.h"
#include "base/enum.h"
#include "map/attr.h"
#include "map/map.h"
#include "object/object.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*** @module lbpf */
/*** What maps are created from
@section initial
@usage local other = assert(lbpf.open("trace.bpf.o"))
assert(other.maps.limits:reuse_fd(object.maps.limits)) -- both objects have one map
local data = other.maps[".bss"]
print(#data:initial_value())
assert(data:set_initial_value(("\0"):rep(data:value_size())))
*/

/* Other maps ------------------------------------------------------------------------------- */

/*** Uses an existing map in place of this one, which will not be created.
@function map:reuse_fd
@tparam integer|fd|map fd of the map; it is duplicated. A map with global variables must have
exactly the same layout.
@treturn map itself
@fails
@raise if it exists, or its object has been loaded; for struct_ops; if the type of this map cannot
be changed to that of the other
@see bpf_map__reuse_fd
*/
static int map_reuse_fd(lua_State *L)
{
	struct bound b = {.operation = "reuse_fd"};
	int fd = value_check_fd(L, 2);
	struct bpf_map *map = mapattr_check_uncreated(L, &b);
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	int kind = mapattr_family(bpf_map__type(map)), ret;

	if (kind == BPF_MAP_TYPE_STRUCT_OPS)
		return luaL_error(L, "reuse_fd: map '%s' is struct_ops", b.name);
	ret = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (ret)
		return value_fail(L, value_errno(ret), "reuse_fd: map '%s'", b.name);
	luaL_argcheck(L, mapattr_family((enum bpf_map_type)info.type) == kind, 2,
		      "the type of this map cannot be changed to that of the other");
	if (bpf_map__is_internal(map) || kind == MAP_TYPE_ARENA)
		luaL_argcheck(L,
			      info.type == bpf_map__type(map) &&
				      info.key_size == bpf_map__key_size(map) &&
				      info.value_size == bpf_map__value_size(map) &&
				      info.max_entries == bpf_map__max_entries(map),
			      2, "the map must have the type and sizes of this one");
	frame_enter(L, &b.frame, b.owner, 0);
	return bind_end(L, &b, bpf_map__reuse_fd(map, fd));
}

/*** Returns the template of a map of maps, as its file defines it.
@function map:inner_map
@treturn ?table name, type, key_size, value_size, max_entries, map_flags, numa_node, map_extra, as
the methods of those names; nil if the file has no template, after the load, and for other maps
@see bpf_map__inner_map
*/
static int map_inner_map(lua_State *L)
{
	const struct bpf_map *inner = bpf_map__inner_map(map_check(L, 1, NULL));

	if (!inner)
		return value_none(L);
	lua_createtable(L, 0, 8);
	lua_pushstring(L, bpf_map__name(inner));
	lua_setfield(L, -2, "name");
	enum_push(L, (int)bpf_map__type(inner), &enum_map_type);
	lua_setfield(L, -2, "type");
	value_push_u32(L, bpf_map__key_size(inner));
	lua_setfield(L, -2, "key_size");
	value_push_u32(L, bpf_map__value_size(inner));
	lua_setfield(L, -2, "value_size");
	value_push_u32(L, bpf_map__max_entries(inner));
	lua_setfield(L, -2, "max_entries");
	value_push_u32(L, bpf_map__map_flags(inner));
	lua_setfield(L, -2, "map_flags");
	value_push_u32(L, bpf_map__numa_node(inner));
	lua_setfield(L, -2, "numa_node");
	value_push_u64(L, bpf_map__map_extra(inner));
	lua_setfield(L, -2, "map_extra");
	return 1;
}

/*** Sets the template of a map of maps, once.
@function map:set_inner_map_fd
@tparam integer|fd|map fd of the template; it is duplicated
@treturn map itself
@failslog EINVAL for other maps, or if there is a template already
@raise if it exists, or its object has been loaded
@usage local other = assert(lbpf.open("attributes.bpf.o"))
print(other.maps.outer:inner_map().type) -- of its example in the file; this one has none:
assert(other.maps.bare_outer:set_inner_map_fd(object.maps.limits))
@see bpf_map__set_inner_map_fd
*/
static int map_set_inner_map_fd(lua_State *L)
{
	struct bound b = {.operation = "set_inner_map_fd"};
	int fd = value_check_fd(L, 2), ret;
	struct bpf_map *map = mapattr_check_uncreated(L, &b);
	int *kept = object_alloc_fd(L, b.owner); /* libbpf keeps only the number */

	*kept = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (*kept < 0)
		return value_fail(L, errno, "set_inner_map_fd: map '%s'", b.name);
	frame_enter(L, &b.frame, b.owner, 0);
	ret = bpf_map__set_inner_map_fd(map, *kept);
	if (ret) {
		close(*kept);
		*kept = -1;
	}
	return bind_end(L, &b, ret);
}

/* Initial values --------------------------------------------------------------------------- */

/* The value with which libbpf will create the map; NULL, and *SIZE 0, if there is none. */
static void *initial_value(struct bpf_map *map, size_t *size)
{
	void *value;

	*size = 0;
	value = (void *)bpf_map__initial_value(map, size);
	return value && *size ? value : NULL;
}

/*** Returns the bytes with which a map of global variables, an arena, or with libbpf 1.5 a
struct_ops map is created. For a map of global variables that exists: its current bytes.
@function map:initial_value
@treturn ?string nil for other maps
@fails
@raise if an arena or a struct_ops map exists, or its object's load has failed
@see bpf_map__initial_value
*/
static int map_initial_value(lua_State *L)
{
	struct owner *owner;
	struct bpf_map *map = map_check(L, 1, &owner);
	size_t size;
	void *value;
	__u32 zero = 0;
	int ret;

	if (!object_is_prepared(owner)) {
		value = initial_value(map, &size);
		if (!value)
			return value_none(L);
		lua_pushlstring(L, value, size);
		return 1;
	}
	/* After this libbpf's copy is stale, or has another length than libbpf says. */
	if (!bpf_map__is_internal(map)) {
		luaL_argcheck(L,
			      mapattr_family(bpf_map__type(map)) != BPF_MAP_TYPE_STRUCT_OPS &&
				      mapattr_family(bpf_map__type(map)) != MAP_TYPE_ARENA,
			      1, "too late, its object has been loaded");
		return value_none(L);
	}
	map_check_created(L, 1);
	size = bpf_map__value_size(map);
	value = compat_newuserdata(L, size);
	ret = bpf_map_lookup_elem(bpf_map__fd(map), &zero, value);
	if (ret)
		return value_fail(L, value_errno(ret), "initial_value: map '%s'",
				  bpf_map__name(map));
	lua_pushlstring(L, value, size);
	return 1;
}

/*** Changes the bytes with which a map of global variables or an arena is created.
@function map:set_initial_value
@tparam string data must have the length of `map:initial_value`
@treturn map itself
@fails EINVAL for other maps, and for ".kconfig"
@raise if it exists, or its object has been loaded; if the length is different
@see bpf_map__set_initial_value
*/
static int map_set_initial_value(lua_State *L)
{
	struct bound b = {.operation = "set_initial_value"};
	size_t size, len;
	const char *data = luaL_checklstring(L, 2, &len);
	struct bpf_map *map = mapattr_check_uncreated(L, &b);

	if (initial_value(map, &size) && size != len)
		return luaL_argerror(
			L, 2,
			lua_pushfstring(L, "the value of map '%s' has %d bytes, expected %d",
					b.name, (int)size, (int)len));
	frame_enter(L, &b.frame, b.owner, 0);
	return bind_end(L, &b, bpf_map__set_initial_value(map, data, len));
}

void mapinit_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"reuse_fd", map_reuse_fd},
		{"inner_map", map_inner_map},
		{"set_inner_map_fd", map_set_inner_map_fd},
		{"initial_value", map_initial_value},
		{"set_initial_value", map_set_initial_value},
		{NULL, NULL},
	};

	map_add_methods(L, methods);
}
