#include "mapfd.h"

#include "enum.h"
#include "fd.h"
#include "field.h"
#include "info.h"
#include "syscall.h"
#include "value.h"
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

size_t mapfd_value_size(lua_State *L, const struct mapfd *m, uint64_t flags)
{
	int cpus;

	if (!mapfd_is_per_cpu(m->type) || (flags & (ON_CPU | ON_ALL_CPUS)))
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

static uint64_t check_flags(lua_State *L, int arg)
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

/* The bytes at ARG, which must be SIZE long; NULL for the key of a map that has none. */
static const char *check_bytes(lua_State *L, int arg, const struct mapfd *m, size_t size,
			       const char *what)
{
	size_t len;
	const char *bytes;

	if (size == 0 && lua_isnoneornil(L, arg))
		return NULL;
	bytes = luaL_checklstring(L, arg, &len);
	if (len == size)
		return size ? bytes : NULL;
	/* whatever else the descriptor is, its sizes were nonsense */
	info_check_kind(L, 1, m->fd, "bpf-map");
	luaL_argerror(L, arg,
		      lua_pushfstring(L, "a %s of this map has %d bytes, not %d", what, (int)size,
				      (int)len));
	return NULL;
}

static const char *check_key(lua_State *L, int arg, const struct mapfd *m)
{
	return check_bytes(L, arg, m, m->key_size, "key");
}

/* Elements ------------------------------------------------------------------------------- */

typedef int look_up(int fd, const void *key, void *value, __u64 flags);

static int value_of(lua_State *L, look_up *fn, const char *operation)
{
	const char *key, *asked = NULL;
	char small[1024], *value = small;
	struct mapfd m;
	uint64_t flags;
	size_t size;
	int ret, err;

	mapfd_check(L, 1, &m);
	flags = check_flags(L, 3);
	size = mapfd_value_size(L, &m, flags);
	if (m.type == BPF_MAP_TYPE_BLOOM_FILTER) {
		key = NULL; /* it is asked for a value */
		asked = check_bytes(L, 2, &m, size, "value");
	} else {
		key = check_key(L, 2, &m);
	}
	if (size > sizeof(small))
		value = compat_newuserdata(L, size);
	if (asked)
		memcpy(value, asked, size);
	ret = fn(m.fd, key, value, flags);
	err = ret ? value_errno(ret) : 0;
	if (err && err != ENOENT)
		return mapfd_fail(L, &m, err, operation);
	if (err)
		lua_pushnil(L);
	else
		lua_pushlstring(L, value, size);
	return 1;
}

/*** Reads a value of a map.
@function map_lookup
@tparam integer|fd|map map a descriptor, or an object that has one
@tparam ?string key its bytes; nil for a queue or stack; for a Bloom filter, the value in question
@tparam ?integer flags 4: under the value's spin lock; 8: of the CPU in the upper 32 bits, Linux 7.0
@treturn ?string the value's bytes, of a per-CPU map those of all CPUs, each rounded up to 8; nil
 alone if there is no such key
@treturn[2] nil
@treturn[2] string message, and the error number
@see bpf_map_lookup_elem_flags
*/
static int map_lookup(lua_State *L)
{
	return value_of(L, bpf_map_lookup_elem_flags, "map_lookup");
}

/*** Reads a value and deletes its key in one go; of a queue or stack, takes the next value. Also
`map:lookup_and_delete(key, flags)`.
@function map_lookup_and_delete
@tparam integer|fd|map map
@tparam ?string key its bytes; nil for a queue or stack
@tparam ?integer flags 4: under the value's spin lock
@treturn ?string the value's bytes; nil alone if there is no such key, or nothing to take
@treturn[2] nil
@treturn[2] string message, and the error number: ENOTSUPP if maps of this type cannot
@see bpf_map_lookup_and_delete_elem_flags
*/
static int map_lookup_and_delete(lua_State *L)
{
	return value_of(L, bpf_map_lookup_and_delete_elem_flags, "map_lookup_and_delete");
}

/*** Writes a value of a map.
@function map_update
@tparam integer|fd|map map
@tparam ?string key its bytes; nil for a queue, stack or Bloom filter
@tparam string value its bytes
@tparam ?string|integer flags "any" (the default), "noexist": only a new key, "exist": only one
 that is there; or bits: 4: under the value's spin lock
@treturn integer|fd|map the first argument
@treturn[2] nil
@treturn[2] string message, and the error number: EEXIST, ENOENT, E2BIG if the map is full
@see bpf_map_update_elem
*/
static int map_update(lua_State *L)
{
	const char *key, *value;
	struct mapfd m;
	uint64_t flags;
	int ret;

	mapfd_check(L, 1, &m);
	flags = check_flags(L, 4);
	key = check_key(L, 2, &m);
	value = check_bytes(L, 3, &m, mapfd_value_size(L, &m, flags), "value");
	ret = bpf_map_update_elem(m.fd, key, value, flags);
	if (ret)
		return mapfd_fail(L, &m, value_errno(ret), "map_update");
	lua_settop(L, 1);
	return 1;
}

/*** Deletes a key of a map.
@function map_delete
@tparam integer|fd|map map
@tparam string key its bytes
@tparam ?integer flags
@treturn boolean true; false if there is no such key
@treturn[2] nil
@treturn[2] string message, and the error number: EINVAL if keys of this type of map stay
@see bpf_map_delete_elem_flags
*/
static int map_delete(lua_State *L)
{
	struct mapfd m;
	const char *key;
	int ret, err;

	mapfd_check(L, 1, &m);
	key = check_key(L, 2, &m);
	ret = bpf_map_delete_elem_flags(m.fd, key, check_flags(L, 3));
	err = ret ? value_errno(ret) : 0;
	if (err && err != ENOENT)
		return mapfd_fail(L, &m, err, "map_delete");
	lua_pushboolean(L, !err);
	return 1;
}

/*** The key after the given one, in no particular order.
@function map_get_next_key
@tparam integer|fd|map map
@tparam ?string key nil, or one that is not there: the first
@treturn ?string nil alone after the last
@treturn[2] nil
@treturn[2] string message, and the error number
@see bpf_map_get_next_key
*/
static int map_get_next_key(lua_State *L)
{
	const char *key = NULL;
	struct mapfd m;
	char *next;
	int ret, err;

	mapfd_check(L, 1, &m);
	if (!lua_isnoneornil(L, 2))
		key = check_key(L, 2, &m);
	next = compat_newuserdata(L, m.key_size + 1);
	ret = bpf_map_get_next_key(m.fd, key, next);
	err = ret ? value_errno(ret) : 0;
	if (err && err != ENOENT)
		return mapfd_fail(L, &m, err, "map_get_next_key");
	if (err)
		lua_pushnil(L);
	else
		lua_pushlstring(L, next, m.key_size);
	return 1;
}

/*** Forbids system calls, for good, to change the map; BPF programs still can. Also `map:freeze()`.
@function map_freeze
@tparam integer|fd|map map
@treturn integer|fd|map the first argument
@treturn[2] nil
@treturn[2] string message, and the error number: EPERM, in older kernels EBUSY, if it is frozen
 already, EBUSY while it is mapped for writing
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
@treturn[2] nil
@treturn[2] string message, and the error number
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
	{"map_lookup", map_lookup},
	{"map_lookup_and_delete", map_lookup_and_delete},
	{"map_update", map_update},
	{"map_delete", map_delete},
	{"map_get_next_key", map_get_next_key},
	{"map_freeze", map_freeze},
	{NULL, NULL},
};

const luaL_Reg map_fd_methods[] = {
	{"lookup_and_delete", map_lookup_and_delete},
	{"freeze", map_freeze},
	{NULL, NULL},
};
