#include "map/create.h"

#include "base/enum.h"
#include "base/fd.h"
#include "base/field.h"
#include "base/value.h"
#include "map/view.h"
#include <bpf/bpf.h>

/*** @module lbpf */
/*** Maps by descriptor
@section maps_fd
@usage local map = assert(lbpf.map_create("array", "constants", 4, 8, 1))
local layout = "struct constant { u64 value; };"
local view = assert(lbpf.map(map, {layout = layout, key = "u32", value = "struct constant"}))
assert(view:update(0, {value = 42}))
assert(lbpf.map_freeze(map)) -- from now on only programs can write it
*/

/*** Makes the map read-only for system calls, permanently; BPF programs can still write it. Also
`map:freeze()`.
@function map_freeze
@tparam integer|fd|map map
@treturn integer|fd|map the first argument
@fails EPERM, in older kernels EBUSY, if it is frozen already, EBUSY while it is mapped for writing
@see bpf_map_freeze
*/
static int map_freeze(lua_State *L)
{
	struct mapfd m;
	int ret;

	mapfd_check(L, 1, &m);
	ret = bpf_map_freeze(m.fd);
	if (ret)
		return mapfd_fail(L, &m, value_errno(ret), "map_freeze");
	lua_settop(L, 1);
	return 1;
}

/* Creating ------------------------------------------------------------------------------- */

static const struct field create_fields[] = {
	FIELD(struct bpf_map_create_opts, btf_fd, FIELD_FD),
	FIELD(struct bpf_map_create_opts, btf_key_type_id, FIELD_U32),
	FIELD(struct bpf_map_create_opts, btf_value_type_id, FIELD_U32),
	FIELD(struct bpf_map_create_opts, btf_vmlinux_value_type_id, FIELD_U32),
	FIELD(struct bpf_map_create_opts, inner_map_fd, FIELD_FD),
	FIELD(struct bpf_map_create_opts, map_flags, FIELD_MAP_FLAGS),
	FIELD(struct bpf_map_create_opts, map_extra, FIELD_U64),
	FIELD(struct bpf_map_create_opts, numa_node, FIELD_U32),
	FIELD(struct bpf_map_create_opts, map_ifindex, FIELD_U32),
	FIELD_FROM(1, 4, struct bpf_map_create_opts, value_type_btf_obj_fd, FIELD_FD),
	FIELD_FROM(1, 4, struct bpf_map_create_opts, token_fd, FIELD_FD),
	FIELD_BY_MODULE_FROM(1, 7, "excl_prog_hash"),
	FIELDS_END,
};

/*** Creates a map that belongs to no object.
@function map_create
@tparam string|integer map_type "hash"
@tparam ?string map_name at most 15 characters are used
@tparam integer key_size in bytes
@tparam integer value_size in bytes; of a per-CPU map, on one CPU
@tparam integer max_entries how many entries it can have; of a ring buffer, its size in bytes
@tparam ?table opts `map_flags`, `map_extra`, `inner_map_fd`, `numa_node`, `map_ifindex`, `btf_fd`,
 `btf_key_type_id`, `btf_value_type_id`, `btf_vmlinux_value_type_id`; libbpf 1.4:
 `value_type_btf_obj_fd`, `token_fd`; libbpf 1.7: `excl_prog_hash`, bytes. Descriptors may be
objects.
@treturn fd
@fails
@usage local fd = assert(lbpf.map_create("hash", "counts", 4, 8, 1024))
assert(lbpf.map_update(fd, "\1\0\0\0", "\1\0\0\0\0\0\0\0"))
@see bpf_map_create
*/
static int map_create(lua_State *L)
{
	struct bpf_map_create_opts opts = {.sz = sizeof(opts)};
	int type = enum_check(L, 1, &enum_map_type);
	const char *name = luaL_optstring(L, 2, NULL);
	uint32_t key_size = (uint32_t)value_check_int(L, 3, 0, UINT32_MAX);
	uint32_t value_size = (uint32_t)value_check_int(L, 4, 0, UINT32_MAX);
	uint32_t max_entries = (uint32_t)value_check_int(L, 5, 0, UINT32_MAX);
	struct fd *fd;
	int number;

	lua_settop(L, 6);
	field_read(L, 6, create_fields, &opts);
#if LBPF_HEADERS(1, 7)
	if (!lua_isnil(L, 6)) {
		size_t size = 0;

		lua_getfield(L, 6, "excl_prog_hash");
		luaL_argcheck(L, lua_isnil(L, -1) || lua_type(L, -1) == LUA_TSTRING, 6,
			      "option 'excl_prog_hash' must be a string");
		opts.excl_prog_hash = lua_tolstring(L, -1, &size);
		opts.excl_prog_hash_size = (__u32)size;
	}
#endif
	fd = fd_push(L);
	number = bpf_map_create((enum bpf_map_type)type, name, key_size, value_size, max_entries,
				&opts);
	if (number < 0)
		return value_fail(L, value_errno(number), "map_create '%s'", name ? name : "");
	fd_own(fd, number);
	return 1;
}

void mapcreate_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"map_create", map_create},
		{"map_freeze", map_freeze},
		{NULL, NULL},
	};
	static const luaL_Reg methods[] = {
		{"freeze", map_freeze},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
	mapview_add_methods(L, methods);
}
