#include "map/fd.h"

#include "base/enum.h"
#include "base/fd.h"
#include "base/field.h"
#include "base/value.h"
#include "kernel/info.h"
#include "kernel/syscall.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/*** @module lbpf */
/*** Maps by descriptor
@section maps_fd
*/

/* Newer than the headers may be: a per-CPU value of one CPU, or one value for all. */
enum { ON_CPU = 8, ON_ALL_CPUS = 16 };

bool mapfd_is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

void mapfd_check(lua_State *L, int arg, struct mapfd *m)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	int ret;

	m->fd = value_check_fd(L, arg);
	ret = bpf_obj_get_info_by_fd(m->fd, &info, &size);
	if (ret) {
		int err = value_errno(ret);

		luaL_argerror(L, arg,
			      lua_pushfstring(L, "descriptor %d is no BPF map: %s (%s)", m->fd,
					      strerror(err), value_errno_name(err)));
	}
	m->type = info.type;
	m->max_entries = info.max_entries;
	m->key_size = info.key_size;
	m->value_size = info.value_size;
	if (info.name[0])
		snprintf(m->name, sizeof(m->name), "map '%.*s'", BPF_OBJ_NAME_LEN, info.name);
	else
		snprintf(m->name, sizeof(m->name), "map %u", info.id);
}

bool mapfd_is_of_all_cpus(const struct mapfd *m, uint64_t flags)
{
	return mapfd_is_per_cpu(m->type) && !(flags & (ON_CPU | ON_ALL_CPUS));
}

size_t mapfd_value_size(lua_State *L, const struct mapfd *m, uint64_t flags)
{
	int cpus;

	if (!mapfd_is_of_all_cpus(m, flags))
		return m->value_size;
	cpus = libbpf_num_possible_cpus();
	if (cpus < 0)
		luaL_error(L, "num_possible_cpus: %s", strerror(value_errno(cpus)));
	return (m->value_size + 7) / 8 * 8 * (size_t)cpus;
}

bool mapfd_to_flags(lua_State *L, int idx, uint64_t *flags)
{
	static const char *const names[] = {"any", "noexist", "exist"};

	*flags = BPF_ANY;
	if (lua_isnoneornil(L, idx))
		return true;
	for (uint64_t i = 0; i < 3 && lua_type(L, idx) == LUA_TSTRING; i++)
		if (strcmp(lua_tostring(L, idx), names[i]) == 0) {
			*flags = i;
			return true;
		}
	return value_to_u64(L, idx, flags);
}

uint64_t mapfd_check_flags(lua_State *L, int arg)
{
	uint64_t flags;

	luaL_argcheck(L, mapfd_to_flags(L, arg, &flags), arg,
		      "expected \"any\", \"noexist\", \"exist\" or bits");
	return flags;
}

int mapfd_fail(lua_State *L, const struct mapfd *m, int err, const char *operation)
{
	return value_fail(L, err, "%s: %s", operation, m->name);
}

/*** Forbids system calls, for good, to change the map; BPF programs still can. Also `map:freeze()`.
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
	FIELD(struct bpf_map_create_opts, map_flags, FIELD_U32),
	FIELD(struct bpf_map_create_opts, map_extra, FIELD_U64),
	FIELD(struct bpf_map_create_opts, numa_node, FIELD_U32),
	FIELD(struct bpf_map_create_opts, map_ifindex, FIELD_U32),
#if LBPF_HEADERS(1, 4)
	FIELD_SINCE(struct bpf_map_create_opts, value_type_btf_obj_fd, FIELD_FD, 1, 4),
	FIELD_SINCE(struct bpf_map_create_opts, token_fd, FIELD_FD, 1, 4),
#else
	FIELD_NEEDS("value_type_btf_obj_fd", 1, 4),
	FIELD_NEEDS("token_fd", 1, 4),
#endif
#if LBPF_HEADERS(1, 7)
	{.name = "excl_prog_hash", .major = 1, .minor = 7},
#else
	FIELD_NEEDS("excl_prog_hash", 1, 7),
#endif
	FIELDS_END,
};

/*** Creates a map that belongs to no object.
@function map_create
@tparam string|integer map_type "hash"
@tparam ?string map_name at most 15 characters count
@tparam integer key_size in bytes
@tparam integer value_size in bytes; of a per-CPU map, on one CPU
@tparam integer max_entries how many entries it can have; of a ring buffer, its size in bytes
@tparam ?table opts `map_flags`, `map_extra`, `inner_map_fd`, `numa_node`, `map_ifindex`, `btf_fd`,
 `btf_key_type_id`, `btf_value_type_id`, `btf_vmlinux_value_type_id`; libbpf 1.4:
 `value_type_btf_obj_fd`, `token_fd`; libbpf 1.7: `excl_prog_hash`, bytes. Descriptors may be
objects.
@treturn fd
@fails
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

const luaL_Reg map_fd_functions[] = {
	{"map_create", map_create},
	{"map_freeze", map_freeze},
	{NULL, NULL},
};

const luaL_Reg map_fd_methods[] = {
	{"freeze", map_freeze},
	{NULL, NULL},
};
