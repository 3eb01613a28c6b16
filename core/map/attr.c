#include "map/attr.h"

#include "base/bind.h"
#include "base/enum.h"
#include "base/flags.h"
#include "map/map.h"
#include "object/object.h"
#include "object/program.h"

/*** @module lbpf */
/*** Attributes of maps
@section attributes
@usage for map in object:each_map() do
  print(map:name(), map:type(), map:key_size(), map:value_size(), map:max_entries())
  print(map:map_flags(), map:map_extra(), map:numa_node(), map:ifindex(), map:is_internal())
  print(map:btf_key_type_id(), map:btf_value_type_id(), map:autocreate(), map:fd())
end

local changed = assert(lbpf.open("trace.bpf.o"))
local map = changed.maps.limits -- before the load its attributes can be changed
assert(map:set_type("array"))
assert(map:set_key_size(4) and map:set_value_size(8) and map:set_max_entries(16))
assert(map:set_map_flags {"mmapable"} and map:set_numa_node(0) and map:set_map_extra(0))
assert(map:set_ifindex(0) and map:set_autocreate(true))
assert(changed:load())
*/

#if LBPF_HEADERS(1, 5)
#pragma weak bpf_map__autoattach
#pragma weak bpf_map__set_autoattach
#endif
#if LBPF_HEADERS(1, 7)
#pragma weak bpf_map__exclusive_program
#pragma weak bpf_map__set_exclusive_program
#endif

static struct bpf_map *this_map(lua_State *L)
{
	return map_check(L, 1, NULL);
}

static struct bpf_map *check_idle(lua_State *L, struct bound *b)
{
	struct bpf_map *map = map_check(L, 1, &b->owner);

	owner_check_idle(L, b->owner, b->operation);
	b->kind = "map";
	b->name = bpf_map__name(map);
	return map;
}

struct bpf_map *mapattr_check_uncreated(lua_State *L, struct bound *b)
{
	struct bpf_map *map = check_idle(L, b);

	if (object_is_prepared(b->owner))
		luaL_error(L, "map '%s': too late, object '%s' has been loaded", b->name,
			   b->owner->name);
	if (bpf_map__fd(map) >= 0)
		luaL_error(L, "map '%s': too late, it exists and is reused", b->name);
	return map;
}

/* For attributes from which libbpf computes the size of memory. libbpf maps or copies the value of
 * these two kinds of map itself, and does not check whether the size has changed.
 */
static struct bpf_map *check_resizable(lua_State *L, struct bound *b)
{
	struct bpf_map *map = mapattr_check_uncreated(L, b);

	if (bpf_map__is_internal(map))
		luaL_error(L, "%s: map '%s' holds global variables, its layout cannot be changed",
			   b->operation, b->name);
	if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
		luaL_error(L, "%s: map '%s' is struct_ops, its layout cannot be changed",
			   b->operation, b->name);
	return map;
}

/* Reading ---------------------------------------------------------------------------------- */

static void push_map_type(lua_State *L, enum bpf_map_type type)
{
	enum_push(L, (int)type, &enum_map_type);
}

/*** The map's name.
@function map:name
@treturn string
@see bpf_map__name
*/
BIND_GETTER(map_name, this_map, bpf_map__name, lua_pushstring)

/*** The map's type.
@function map:type
@treturn string|integer "hash"; a number where libbpf has no name for it
@see bpf_map__type
*/
BIND_GETTER(map_type, this_map, bpf_map__type, push_map_type)

/*** The size of a key in bytes.
@function map:key_size
@treturn integer
@see bpf_map__key_size
*/
BIND_GETTER(map_key_size, this_map, bpf_map__key_size, value_push_u32)

/*** The size of a value in bytes; of a per-CPU map, on one CPU.
@function map:value_size
@treturn integer
@see bpf_map__value_size
*/
BIND_GETTER(map_value_size, this_map, bpf_map__value_size, value_push_u32)

/*** How many entries the map can have; of a ring buffer, its size in bytes.
@function map:max_entries
@treturn integer
@see bpf_map__max_entries
*/
BIND_GETTER(map_max_entries, this_map, bpf_map__max_entries, value_push_u32)

/*** The flags that the map is created with.
@function map:map_flags
@treturn integer BPF_F_... bits
@see bpf_map__map_flags
*/
BIND_GETTER(map_map_flags, this_map, bpf_map__map_flags, value_push_u32)

/*** A property that depends on the map's type, for example the number of hash functions of a Bloom
filter.
@function map:map_extra
@treturn integer of 64 bits
@see bpf_map__map_extra
*/
BIND_GETTER(map_map_extra, this_map, bpf_map__map_extra, value_push_u64)

/*** The NUMA node of the map's memory, if flag BPF_F_NUMA_NODE is set.
@function map:numa_node
@treturn integer
@see bpf_map__numa_node
*/
BIND_GETTER(map_numa_node, this_map, bpf_map__numa_node, value_push_u32)

/*** The network device that the map is offloaded to.
@function map:ifindex
@treturn integer 0: none
@see bpf_map__ifindex
*/
BIND_GETTER(map_ifindex, this_map, bpf_map__ifindex, value_push_u32)

/*** The type of the keys, as its number in the object's BTF.
@function map:btf_key_type_id
@treturn integer 0: unknown
@see bpf_map__btf_key_type_id
*/
BIND_GETTER(map_btf_key_type_id, this_map, bpf_map__btf_key_type_id, value_push_u32)

/*** The type of the values, as its number in the object's BTF.
@function map:btf_value_type_id
@treturn integer 0: unknown
@see bpf_map__btf_value_type_id
*/
BIND_GETTER(map_btf_value_type_id, this_map, bpf_map__btf_value_type_id, value_push_u32)

/*** Does the map hold global variables, as ".bss" and ".rodata" do?
@function map:is_internal
@treturn boolean
@see bpf_map__is_internal
*/
BIND_GETTER(map_is_internal, this_map, bpf_map__is_internal, lua_pushboolean)

/*** Will the map be created with its object?
@function map:autocreate
@treturn boolean
@see bpf_map__autocreate
*/
BIND_GETTER(map_autocreate, this_map, bpf_map__autocreate, lua_pushboolean)

/*** The map's file descriptor. The object owns it.
@function map:fd
@treturn integer
@raise if the object is not loaded
@see bpf_map__fd
*/
static int map_fd(lua_State *L)
{
	lua_pushinteger(L, bpf_map__fd(map_check_created(L, 1)));
	return 1;
}

/* Setting ---------------------------------------------------------------------------------- */

/*** Sets whether the map will be created with its object. A program that uses a map that was not
created cannot be loaded.
@function map:set_autocreate
@tparam boolean autocreate
@treturn map itself
@raise if it exists, or its object has been loaded
@see bpf_map__set_autocreate
*/
BIND_SETTER(map_set_autocreate, bpf_map__set_autocreate, struct bpf_map, mapattr_check_uncreated,
	    bool, bind_bool)

int mapattr_family(enum bpf_map_type type)
{
	switch ((int)type) {
	case BPF_MAP_TYPE_STRUCT_OPS:
	case BPF_MAP_TYPE_PROG_ARRAY:
	case MAP_TYPE_ARENA:
		return (int)type;
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return BPF_MAP_TYPE_ARRAY_OF_MAPS;
	default:
		return BPF_MAP_TYPE_UNSPEC;
	}
}

/*** Changes the map's type.
@function map:set_type
@tparam string|integer type "hash"; arrays of programs, maps of maps, arenas and struct_ops cannot
change their type, and no other map can become one of these
@treturn map itself
@raise if it exists, or its object has been loaded; for a map that holds global variables
@see bpf_map__set_type
*/
static int map_set_type(lua_State *L)
{
	struct bound b = {.operation = "set_type"};
	enum bpf_map_type type = (enum bpf_map_type)enum_check(L, 2, &enum_map_type);
	struct bpf_map *map = check_resizable(L, &b);

	luaL_argcheck(L, mapattr_family(type) == mapattr_family(bpf_map__type(map)), 2,
		      "libbpf sets up maps of this kind: the type cannot be changed");
	frame_enter(L, &b.frame, b.owner, 0);
	return bind_end(L, &b, bpf_map__set_type(map, type));
}

/*** Changes the size of a key.
@function map:set_key_size
@tparam integer size in bytes, 0 to 2^32 - 1
@treturn map itself
@raise if it exists, or its object has been loaded; for a map that holds global variables, or is
 struct_ops
@see bpf_map__set_key_size
*/
BIND_SETTER(map_set_key_size, bpf_map__set_key_size, struct bpf_map, check_resizable, uint32_t,
	    bind_u32)

/* Sets the size of a map of global variables. libbpf moves its value, and adapts the BTF of the
 * last variable, which must be an array. It accepts any size, but a smaller one would cut off
 * variables.
 */
static int resize_globals(lua_State *L, uint32_t size)
{
	struct bound b = {.operation = "set_value_size"};
	struct bpf_map *map = mapattr_check_uncreated(L, &b);

	if (!compat_libbpf(1, 3))
		return value_needs_libbpf(L, "set_value_size of global variables", 1, 3);
	if (strcmp(b.name, ".kconfig") == 0)
		return luaL_error(L, "set_value_size: the size of '.kconfig' cannot be changed");
	if (size < bpf_map__value_size(map))
		return luaL_error(L, "set_value_size: map '%s' cannot shrink", b.name);
	frame_enter(L, &b.frame, b.owner, 0);
	return bind_end(L, &b, bpf_map__set_value_size(map, size));
}

BIND_SETTER(resize_value, bpf_map__set_value_size, struct bpf_map, check_resizable, uint32_t,
	    bind_u32)

/*** Changes the size of a value. With libbpf 1.3 and newer, a map of global variables can grow: its
last variable, which must be an array, becomes longer.
@function map:set_value_size
@tparam integer size in bytes, 0 to 2^32 - 1
@treturn map itself
@failslog EOPNOTSUPP before libbpf 1.3 for global variables
@raise if it exists, or its object has been loaded; if its global variables would not fit; for
 struct_ops
@see bpf_map__set_value_size
*/
static int map_set_value_size(lua_State *L)
{
	uint32_t size = bind_u32(L, 2);

	return bpf_map__is_internal(this_map(L)) ? resize_globals(L, size) : resize_value(L);
}

/*** Changes the maximum number of entries; for a ring buffer its size in bytes, which libbpf rounds
up to a valid size.
@function map:set_max_entries
@tparam integer max_entries 0 to 2^32 - 1; an arena, whose unit is a page, can only grow
@treturn map itself
@raise if it exists, or its object has been loaded; for a map that holds global variables, or is
 struct_ops
@usage local object = assert(lbpf.open("trace.bpf.o"))
object.maps.flows:set_max_entries(65536)
assert(object:load())
@see bpf_map__set_max_entries
*/
static int map_set_max_entries(lua_State *L)
{
	struct bound b = {.operation = "set_max_entries"};
	uint32_t max = bind_u32(L, 2);
	struct bpf_map *map = check_resizable(L, &b);

	/* libbpf copies its variables to its end */
	luaL_argcheck(L,
		      (int)bpf_map__type(map) != MAP_TYPE_ARENA || max >= bpf_map__max_entries(map),
		      2, "an arena cannot shrink");
	frame_enter(L, &b.frame, b.owner, 0);
	return bind_end(L, &b, bpf_map__set_max_entries(map, max));
}

static uint32_t check_map_flags(lua_State *L, int arg)
{
	luaL_argcheck(L, !lua_isnoneornil(L, arg), arg, "expected flags");
	return flags_check(L, arg, flags_map);
}

/*** Changes the flags that the map is created with.
@function map:set_map_flags
@tparam integer|string|table flags BPF_F_... bits; a name, "no_prealloc", or a list of names
@treturn map itself
@raise if it exists, or its object has been loaded
@see bpf_map__set_map_flags
*/
BIND_SETTER(map_set_map_flags, bpf_map__set_map_flags, struct bpf_map, mapattr_check_uncreated,
	    uint32_t, check_map_flags)

/* An arena's value is its address in this process, where it would replace any other mapping. */
static struct bpf_map *check_movable(lua_State *L, struct bound *b)
{
	struct bpf_map *map = mapattr_check_uncreated(L, b);

	if ((int)bpf_map__type(map) == MAP_TYPE_ARENA)
		luaL_error(L, "set_map_extra: the address of arena '%s' cannot be changed",
			   b->name);
	return map;
}

/*** Changes the property that depends on the map's type.
@function map:set_map_extra
@tparam integer map_extra of 64 bits
@treturn map itself
@raise if it exists, or its object has been loaded; for an arena
@see bpf_map__set_map_extra
*/
BIND_SETTER(map_set_map_extra, bpf_map__set_map_extra, struct bpf_map, check_movable, uint64_t,
	    value_check_u64)

/*** Changes the NUMA node, which is used if flag BPF_F_NUMA_NODE is set.
@function map:set_numa_node
@tparam integer numa_node 0 to 2^32 - 1
@treturn map itself
@raise if it exists, or its object has been loaded
@see bpf_map__set_numa_node
*/
BIND_SETTER(map_set_numa_node, bpf_map__set_numa_node, struct bpf_map, mapattr_check_uncreated,
	    uint32_t, bind_u32)

/*** Offloads the map to a network device.
@function map:set_ifindex
@tparam integer ifindex 0 to 2^32 - 1
@treturn map itself
@raise if it exists, or its object has been loaded
@see bpf_map__set_ifindex
*/
BIND_SETTER(map_set_ifindex, bpf_map__set_ifindex, struct bpf_map, mapattr_check_uncreated,
	    uint32_t, bind_u32)

/* struct_ops and exclusive maps ------------------------------------------------------------ */

/*** Will `object:attach` attach the struct_ops map?
@function map:autoattach
@treturn boolean
@fails EOPNOTSUPP before libbpf 1.5
@see bpf_map__autoattach
*/
static int map_autoattach(lua_State *L)
{
	struct bpf_map *map = this_map(L);

#if LBPF_HEADERS(1, 5)
	if (compat_libbpf(1, 5)) {
		lua_pushboolean(L, bpf_map__autoattach(map));
		return 1;
	}
#endif
	(void)map;
	return value_needs_libbpf(L, "map:autoattach", 1, 5);
}

#if LBPF_HEADERS(1, 5)
BIND_SETTER(set_autoattach, bpf_map__set_autoattach, struct bpf_map, check_idle, bool, bind_bool)
#endif

/*** Sets whether `object:attach` will attach the struct_ops map.
@function map:set_autoattach
@tparam boolean autoattach
@treturn map itself
@fails EINVAL for other maps, EOPNOTSUPP before libbpf 1.5
@needs libbpf 1.5
@usage local congestion = assert(lbpf.open("congestion.bpf.o"))
for map in congestion:each_map() do
  if map:type() == "struct_ops" then
    assert(map:set_autoattach(false))
    print(map:name(), map:autoattach())
  end
end
@see bpf_map__set_autoattach
*/
static int map_set_autoattach(lua_State *L)
{
#if LBPF_HEADERS(1, 5)
	if (compat_libbpf(1, 5))
		return set_autoattach(L);
#endif
	this_map(L);
	return value_needs_libbpf(L, "map:set_autoattach", 1, 5);
}

/*** The only program that may use the map.
@function map:exclusive_program
@treturn ?program nil: every program may
@fails EOPNOTSUPP before libbpf 1.7
@see bpf_map__exclusive_program
*/
static int map_exclusive_program(lua_State *L)
{
	struct owner *owner;
	struct bpf_map *map = map_check(L, 1, &owner);

#if LBPF_HEADERS(1, 7)
	if (compat_libbpf(1, 7)) {
		struct bpf_program *prog = bpf_map__exclusive_program(map);

		if (!prog)
			return value_none(L);
		class_env(L, 1);
		program_push(L, owner, prog, -1);
		return 1;
	}
#endif
	(void)map;
	return value_needs_libbpf(L, "map:exclusive_program", 1, 7);
}

/*** Lets only one program use the map.
@function map:set_exclusive_program
@tparam program prog of the same object
@treturn map itself
@fails EOPNOTSUPP before libbpf 1.7
@raise if it exists, or its object has been loaded
@needs libbpf 1.7
@usage local exclusive = assert(lbpf.open("trace.bpf.o"))
assert(exclusive.maps.limits:set_exclusive_program(exclusive.progs.enter))
print(exclusive.maps.limits:exclusive_program():name())
@see bpf_map__set_exclusive_program
*/
static int map_set_exclusive_program(lua_State *L)
{
	struct bound b = {.operation = "set_exclusive_program"};
	struct bpf_map *map = mapattr_check_uncreated(L, &b);

#if LBPF_HEADERS(1, 7)
	if (compat_libbpf(1, 7)) {
		struct bpf_program *prog = program_check_of(L, 2, b.owner);

		frame_enter(L, &b.frame, b.owner, 0);
		return bind_end(L, &b, bpf_map__set_exclusive_program(map, prog));
	}
#endif
	(void)map;
	return value_needs_libbpf(L, "map:set_exclusive_program", 1, 7);
}

void mapattr_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"name", map_name},
		{"type", map_type},
		{"set_type", map_set_type},
		{"key_size", map_key_size},
		{"set_key_size", map_set_key_size},
		{"value_size", map_value_size},
		{"set_value_size", map_set_value_size},
		{"max_entries", map_max_entries},
		{"set_max_entries", map_set_max_entries},
		{"map_flags", map_map_flags},
		{"set_map_flags", map_set_map_flags},
		{"map_extra", map_map_extra},
		{"set_map_extra", map_set_map_extra},
		{"numa_node", map_numa_node},
		{"set_numa_node", map_set_numa_node},
		{"ifindex", map_ifindex},
		{"set_ifindex", map_set_ifindex},
		{"btf_key_type_id", map_btf_key_type_id},
		{"btf_value_type_id", map_btf_value_type_id},
		{"is_internal", map_is_internal},
		{"autocreate", map_autocreate},
		{"set_autocreate", map_set_autocreate},
		{"autoattach", map_autoattach},
		{"set_autoattach", map_set_autoattach},
		{"exclusive_program", map_exclusive_program},
		{"set_exclusive_program", map_set_exclusive_program},
		{"fd", map_fd},
		{NULL, NULL},
	};

	map_add_methods(L, methods);
}
