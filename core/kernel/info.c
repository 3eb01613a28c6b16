#include "kernel/info.h"

#include "base/fd.h"
#include "base/field.h"
#include "base/value.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** Information from the kernel
@section info
@usage print(lbpf.prog_get_info_by_fd(object.progs.enter).name)
print(lbpf.map_get_info_by_fd(object.maps.flows).name)
local link = assert(object.progs.leave:attach())
print(lbpf.link_get_info_by_fd(link).type, lbpf.obj_get_info_by_fd(link).type)
print(lbpf.btf_get_info_by_fd(assert(lbpf.btf_get_fd_by_id(lbpf.btf_get_next_id()))).name)
*/

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Programs ------------------------------------------------------------------------------- */

static const struct field prog_fields[] = {
	FIELD(struct bpf_prog_info, type, FIELD_PROG_TYPE),
	FIELD(struct bpf_prog_info, id, FIELD_U32),
	FIELD(struct bpf_prog_info, tag, FIELD_TAG),
	FIELD(struct bpf_prog_info, jited_prog_len, FIELD_U32),
	FIELD(struct bpf_prog_info, xlated_prog_len, FIELD_U32),
	FIELD(struct bpf_prog_info, load_time, FIELD_U64),
	FIELD(struct bpf_prog_info, created_by_uid, FIELD_U32),
	FIELD(struct bpf_prog_info, nr_map_ids, FIELD_U32),
	FIELD(struct bpf_prog_info, name, FIELD_NAME),
	FIELD(struct bpf_prog_info, ifindex, FIELD_U32),
	FIELD(struct bpf_prog_info, netns_dev, FIELD_U64),
	FIELD(struct bpf_prog_info, netns_ino, FIELD_U64),
	FIELD(struct bpf_prog_info, nr_jited_ksyms, FIELD_U32),
	FIELD(struct bpf_prog_info, nr_jited_func_lens, FIELD_U32),
	FIELD(struct bpf_prog_info, btf_id, FIELD_U32),
	FIELD(struct bpf_prog_info, func_info_rec_size, FIELD_U32),
	FIELD(struct bpf_prog_info, nr_func_info, FIELD_U32),
	FIELD(struct bpf_prog_info, nr_line_info, FIELD_U32),
	FIELD(struct bpf_prog_info, nr_jited_line_info, FIELD_U32),
	FIELD(struct bpf_prog_info, line_info_rec_size, FIELD_U32),
	FIELD(struct bpf_prog_info, jited_line_info_rec_size, FIELD_U32),
	FIELD(struct bpf_prog_info, nr_prog_tags, FIELD_U32),
	FIELD(struct bpf_prog_info, run_time_ns, FIELD_U64),
	FIELD(struct bpf_prog_info, run_cnt, FIELD_U64),
	FIELD(struct bpf_prog_info, recursion_misses, FIELD_U64),
	FIELD(struct bpf_prog_info, verified_insns, FIELD_U32),
	FIELD(struct bpf_prog_info, attach_btf_obj_id, FIELD_U32),
	FIELD(struct bpf_prog_info, attach_btf_id, FIELD_U32),
	FIELDS_END,
};

/* How an array is pushed: as a list of numbers or tags, or as bytes. */
enum items { ITEMS_BYTES, ITEMS_U32, ITEMS_ADDRESSES, ITEMS_TAGS };

struct array {
	const char *name;
	size_t pointer, count; /* offsets */
	size_t size, rec_size; /* the size of an item, or the offset of the member with that size */
	enum items items;
};

#define ARRAY(pointer_, count_, size_, items_)                                                     \
	{                                                                                          \
		.name = #pointer_, .pointer = offsetof(struct bpf_prog_info, pointer_),            \
		.count = offsetof(struct bpf_prog_info, count_), .size = (size_),                  \
		.items = (items_)                                                                  \
	}
#define RECORDS(pointer_, count_, rec_size_)                                                       \
	{                                                                                          \
		.name = #pointer_, .pointer = offsetof(struct bpf_prog_info, pointer_),            \
		.count = offsetof(struct bpf_prog_info, count_),                                   \
		.rec_size = offsetof(struct bpf_prog_info, rec_size_), .items = ITEMS_BYTES        \
	}

static const struct array arrays[] = {
	ARRAY(map_ids, nr_map_ids, 4, ITEMS_U32),
	ARRAY(jited_prog_insns, jited_prog_len, 1, ITEMS_BYTES),
	ARRAY(xlated_prog_insns, xlated_prog_len, 1, ITEMS_BYTES),
	ARRAY(jited_ksyms, nr_jited_ksyms, 8, ITEMS_ADDRESSES),
	ARRAY(jited_func_lens, nr_jited_func_lens, 4, ITEMS_U32),
	ARRAY(jited_line_info, nr_jited_line_info, 8, ITEMS_ADDRESSES),
	ARRAY(prog_tags, nr_prog_tags, BPF_TAG_SIZE, ITEMS_TAGS),
	RECORDS(func_info, nr_func_info, func_info_rec_size),
	RECORDS(line_info, nr_line_info, line_info_rec_size),
};

static uint32_t u32_at(const void *base, size_t offset)
{
	return *(const uint32_t *)((const char *)base + offset);
}

static size_t item_size(const struct array *a, const struct bpf_prog_info *info)
{
	return a->rec_size ? u32_at(info, a->rec_size) : a->size;
}

/* Reads the options, which are names of arrays. */
static void read_wanted(lua_State *L, int opts, bool *wanted)
{
	struct field fields[COUNT(arrays) + 1] = {{0}};

	wanted[0] = true; /* map_ids */
	for (size_t i = 0; i < COUNT(arrays); i++)
		fields[i] = (struct field){
			.name = arrays[i].name, .kind = FIELD_BOOL, .offset = i * sizeof(bool)};
	if (opts)
		field_read(L, opts, fields, wanted);
}

static void push_items(lua_State *L, enum items items, const char *data, size_t n, size_t size)
{
	struct field tag = {.kind = FIELD_TAG};

	if (items == ITEMS_BYTES) {
		lua_pushlstring(L, data, n * size);
		return;
	}
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++, data += size) {
		if (items == ITEMS_U32)
			value_push_u32(L, *(const uint32_t *)data);
		else if (items == ITEMS_ADDRESSES)
			value_push_address(L, *(const uint64_t *)data);
		else
			field_push(L, &tag, data);
		lua_rawseti(L, -2, (int)i + 1);
	}
}

int info_push_prog(lua_State *L, int fd, int opts)
{
	struct bpf_prog_info info = {0}, asked;
	__u32 size = sizeof(info);
	bool wanted[COUNT(arrays)] = {false};
	size_t total = 0;
	char *buffer;
	int ret;

	read_wanted(L, opts, wanted);
	ret = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (ret)
		return value_errno(ret);
	asked = info;
	for (size_t i = 0; i < COUNT(arrays); i++) {
		uint32_t *count = (uint32_t *)((char *)&asked + arrays[i].count);

		if (!wanted[i])
			*count = 0;
		total += (*count * item_size(&arrays[i], &asked) + 7) / 8 * 8;
	}
	lua_newtable(L);
	buffer = compat_newuserdata(L, total + 1);
	lua_insert(L, -2);
	for (size_t i = 0; i < COUNT(arrays); i++) {
		size_t bytes = u32_at(&asked, arrays[i].count) * item_size(&arrays[i], &asked);

		*(uint64_t *)((char *)&asked + arrays[i].pointer) =
			bytes ? (uint64_t)(uintptr_t)buffer : 0;
		buffer += (bytes + 7) / 8 * 8;
	}
	if (total) {
		info = asked;
		size = sizeof(info);
		ret = bpf_obj_get_info_by_fd(fd, &info, &size);
		if (ret) {
			lua_pop(L, 2);
			return value_errno(ret);
		}
	}
	field_push_all(L, prog_fields, &info, size);
	lua_pushboolean(L, info.gpl_compatible);
	lua_setfield(L, -2, "gpl_compatible");
	for (size_t i = 0; i < COUNT(arrays); i++) {
		const struct array *a = &arrays[i];
		uint32_t n = u32_at(&info, a->count), most = u32_at(&asked, a->count);
		uint64_t data = *(const uint64_t *)((const char *)&info + a->pointer);

		if (!wanted[i] || (!data && n > 0))
			continue; /* empty, or hidden from this user */
		push_items(L, a->items, (const char *)(uintptr_t)data, n < most ? n : most,
			   item_size(a, &info));
		lua_setfield(L, -2, a->name);
	}
	lua_remove(L, -2);
	return 0;
}

/* Maps ----------------------------------------------------------------------------------- */

/* The kernel's struct bpf_map_info; older headers lack its last members. */
struct map_info {
	uint32_t type, id, key_size, value_size, max_entries, map_flags;
	char name[BPF_OBJ_NAME_LEN];
	uint32_t ifindex, btf_vmlinux_value_type_id;
	uint64_t netns_dev, netns_ino;
	uint32_t btf_id, btf_key_type_id, btf_value_type_id, btf_vmlinux_id;
	uint64_t map_extra;
	uint64_t hash;
	uint32_t hash_size, unused;
};

static const struct field map_fields[] = {
	FIELD(struct map_info, type, FIELD_MAP_TYPE),
	FIELD(struct map_info, id, FIELD_U32),
	FIELD(struct map_info, key_size, FIELD_U32),
	FIELD(struct map_info, value_size, FIELD_U32),
	FIELD(struct map_info, max_entries, FIELD_U32),
	FIELD(struct map_info, map_flags, FIELD_U32),
	FIELD(struct map_info, name, FIELD_NAME),
	FIELD(struct map_info, ifindex, FIELD_U32),
	FIELD(struct map_info, btf_vmlinux_value_type_id, FIELD_U32),
	FIELD(struct map_info, netns_dev, FIELD_U64),
	FIELD(struct map_info, netns_ino, FIELD_U64),
	FIELD(struct map_info, btf_id, FIELD_U32),
	FIELD(struct map_info, btf_key_type_id, FIELD_U32),
	FIELD(struct map_info, btf_value_type_id, FIELD_U32),
	FIELD(struct map_info, btf_vmlinux_id, FIELD_U32),
	FIELD(struct map_info, map_extra, FIELD_U64),
	FIELDS_END,
};

enum { SHA256_SIZE = 32 };

/* Reads the boolean option NAME, the table's only one. */
static bool read_option(lua_State *L, int opts, const char *name)
{
	const struct field fields[] = {{.name = name, .kind = FIELD_BOOL}, FIELDS_END};
	bool on = false;

	if (opts)
		field_read(L, opts, fields, &on);
	return on;
}

int info_push_map(lua_State *L, int fd, int opts)
{
	struct map_info info = {0};
	char hash[SHA256_SIZE];
	__u32 size = sizeof(info);
	bool wanted = read_option(L, opts, "hash");
	int ret;

	if (wanted) {
		info.hash = (uint64_t)(uintptr_t)hash;
		info.hash_size = sizeof(hash);
	}
	ret = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (ret)
		return value_errno(ret);
	lua_newtable(L);
	field_push_all(L, map_fields, &info, size);
	if (wanted) {
		lua_pushlstring(L, hash, sizeof(hash));
		lua_setfield(L, -2, "hash");
	}
	return 0;
}

/* BTF ------------------------------------------------------------------------------------ */

static const struct field btf_fields[] = {
	FIELD(struct bpf_btf_info, id, FIELD_U32),
	FIELD(struct bpf_btf_info, btf_size, FIELD_U32),
	FIELDS_END,
};

int info_push_btf(lua_State *L, int fd, int opts)
{
	char name[64] = ""; /* a kernel module's name, or "vmlinux" */
	struct bpf_btf_info info = {0};
	__u32 size = sizeof(info), btf_size;
	bool wanted = read_option(L, opts, "btf");
	char *btf;
	int ret;

	info.name = (uint64_t)(uintptr_t)name;
	info.name_len = sizeof(name);
	ret = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (ret && errno == E2BIG) { /* names came with Linux 5.11 */
		info = (struct bpf_btf_info){0};
		size = sizeof(info);
		ret = bpf_obj_get_info_by_fd(fd, &info, &size);
	}
	if (ret)
		return value_errno(ret);
	lua_newtable(L);
	field_push_all(L, btf_fields, &info, size);
	lua_pushboolean(L, info.kernel_btf);
	lua_setfield(L, -2, "kernel_btf");
	lua_pushstring(L, name);
	lua_setfield(L, -2, "name");
	if (!wanted)
		return 0;
	btf_size = info.btf_size;
	btf = compat_newuserdata(L, btf_size + 1);
	info = (struct bpf_btf_info){.btf = (uint64_t)(uintptr_t)btf, .btf_size = btf_size};
	size = sizeof(info);
	ret = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (ret) {
		lua_pop(L, 2);
		return value_errno(ret);
	}
	lua_pushlstring(L, btf, btf_size);
	lua_setfield(L, -3, "btf");
	lua_pop(L, 1);
	return 0;
}

/* In Lua --------------------------------------------------------------------------------- */

static int by_fd(lua_State *L, const char *kind, info_push *push, const char *what)
{
	int fd = value_check_fd(L, 1), err;

	lua_settop(L, 2);
	fd_check_kind(L, 1, fd, kind);
	err = push(L, fd, 2);
	return err ? value_fail(L, err, "%s: descriptor %d", what, fd) : 1;
}

/*** Returns what the kernel knows about a program.
@function prog_get_info_by_fd
@tparam integer|fd|program prog a descriptor, or an object that has one
@tparam ?table opts booleans: which arrays to get. `map_ids` (the default: true), `prog_tags`,
 `jited_func_lens`, `jited_ksyms`, `jited_line_info`: lists; `xlated_prog_insns`,
`jited_prog_insns`, `func_info`, `line_info`: bytes
@treturn table the fields of struct bpf_prog_info: `type` ("kprobe"), `id`, `tag` (hexadecimal),
 `name`, `load_time` (nanoseconds since boot), `created_by_uid`, `map_ids`, `btf_id`,
 `gpl_compatible` (boolean), `run_time_ns` and `run_cnt` (see `enable_stats`), `recursion_misses`,
 `verified_insns`, and so on; arrays are nil where the kernel hides them
@fails
@see bpf_prog_get_info_by_fd
*/
static int prog_get_info_by_fd(lua_State *L)
{
	return by_fd(L, "bpf-prog", info_push_prog, "prog_get_info_by_fd");
}

/*** Returns what the kernel knows about a map.
@function map_get_info_by_fd
@tparam integer|fd|map map a descriptor, or an object that has one
@tparam ?table opts `hash` (boolean): the SHA-256 of a frozen array's contents, Linux 6.18
@treturn table the fields of struct bpf_map_info: `type` ("hash"), `id`, `name`, `key_size`,
 `value_size`, `max_entries`, `map_flags`, `map_extra`, `btf_id` and so on; `hash` as 32 bytes
@fails
@see bpf_map_get_info_by_fd
*/
static int map_get_info_by_fd(lua_State *L)
{
	return by_fd(L, "bpf-map", info_push_map, "map_get_info_by_fd");
}

/*** Returns what the kernel knows about a link.
@function link_get_info_by_fd
@tparam integer|fd|link link a descriptor, or an object that has one
@treturn table `type` ("tracing"; a number where libbpf has no name for it), `id`, `prog_id`, and
 a table of the type's name with the fields that struct bpf_link_info has for it:
 `raw_tracepoint` (`tp_name`, `cookie`), `tracing`, `cgroup`, `iter` (`target_name`, `map`,
`cgroup`, `task`), `netns`, `xdp`, `struct_ops`, `netfilter`, `kprobe_multi` (`count`, `flags`,
`missed`, `addrs`, `cookies`), `uprobe_multi`, `perf_event` (`type`, and a table of that name),
`tcx`, `netkit`, `sockmap`
@fails
@see bpf_link_get_info_by_fd
*/
static int link_get_info_by_fd(lua_State *L)
{
	return by_fd(L, "bpf-link", info_push_link, "link_get_info_by_fd");
}

/*** Returns what the kernel knows about BTF that was loaded.
@function btf_get_info_by_fd
@tparam integer|fd btf a descriptor, or an object that has one
@tparam ?table opts `btf` (boolean): get the BTF itself
@treturn table `id`, `btf_size`, `name` ("vmlinux", or a module's; "" if a program brought it),
 `kernel_btf` (boolean), `btf`: its bytes
@fails
@see bpf_btf_get_info_by_fd
*/
static int btf_get_info_by_fd(lua_State *L)
{
	return by_fd(L, "btf", info_push_btf, "btf_get_info_by_fd");
}

/*** Returns what the kernel knows about the object behind a descriptor.
@function obj_get_info_by_fd
@tparam integer|fd|program|map|link obj a descriptor, or an object that has one
@tparam ?table opts of the function for its kind
@treturn table the result of `prog_get_info_by_fd`, `map_get_info_by_fd`, `link_get_info_by_fd` or
 `btf_get_info_by_fd`
@treturn string "prog", "map", "link" or "btf"
@fails
@see bpf_obj_get_info_by_fd
*/
static int obj_get_info_by_fd(lua_State *L)
{
	static const struct {
		const char *inode, *kind;
		info_push *push;
	} kinds[] = {
		{"bpf-prog", "prog", info_push_prog},
		{"bpf-map", "map", info_push_map},
		{"bpf-link", "link", info_push_link},
		{"btf", "btf", info_push_btf},
	};
	int fd = value_check_fd(L, 1), err;
	char is[64] = "not open";

	lua_settop(L, 2);
	fd_kind(fd, is, sizeof(is));
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (strcmp(is, kinds[i].inode) != 0)
			continue;
		err = kinds[i].push(L, fd, 2);
		if (err)
			return value_fail(L, err, "obj_get_info_by_fd: descriptor %d", fd);
		lua_pushstring(L, kinds[i].kind);
		return 2;
	}
	return luaL_argerror(
		L, 1, lua_pushfstring(L, "descriptor %d is not a BPF object, but '%s'", fd, is));
}

void info_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"prog_get_info_by_fd", prog_get_info_by_fd},
		{"map_get_info_by_fd", map_get_info_by_fd},
		{"link_get_info_by_fd", link_get_info_by_fd},
		{"btf_get_info_by_fd", btf_get_info_by_fd},
		{"obj_get_info_by_fd", obj_get_info_by_fd},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}
