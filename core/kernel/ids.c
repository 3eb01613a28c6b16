/* Programs, maps, links and BTF in the kernel, by id. */
#include "base/fd.h"
#include "base/field.h"
#include "base/value.h"
#include "kernel/info.h"
#include "kernel/syscall.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

/*** @module lbpf */
/*** Iterating over what is in the kernel
@section ids
@usage for map in lbpf.maps() do print(map.id, map.name) end
for link in lbpf.links() do print(link.id, link.type) end
for btf in lbpf.btfs() do print(btf.id, btf.name) end

assert(object:attach())
local prog, map = lbpf.prog_get_next_id(), lbpf.map_get_next_id() -- the smallest
local link, btf = lbpf.link_get_next_id(), lbpf.btf_get_next_id()
for fd in pairs {
  [assert(lbpf.prog_get_fd_by_id(prog))] = true, [assert(lbpf.map_get_fd_by_id(map))] = true,
  [assert(lbpf.link_get_fd_by_id(link))] = true, [assert(lbpf.btf_get_fd_by_id(btf))] = true,
} do
  fd:close()
end
*/

struct kind {
	const char *name;
	int (*next_id)(__u32 start, __u32 *next);
	int (*get_fd)(__u32 id, const struct bpf_get_fd_by_id_opts *opts);
	info_push *push_info;
};

static const struct kind prog = {"prog", bpf_prog_get_next_id, bpf_prog_get_fd_by_id_opts,
				 info_push_prog};
static const struct kind map = {"map", bpf_map_get_next_id, bpf_map_get_fd_by_id_opts,
				info_push_map};
static const struct kind bpf_link = {"link", bpf_link_get_next_id, bpf_link_get_fd_by_id_opts,
				     info_push_link};
static const struct kind btf = {"btf", bpf_btf_get_next_id, bpf_btf_get_fd_by_id_opts,
				info_push_btf};

static const struct field fields[] = {
	FIELD(struct bpf_get_fd_by_id_opts, open_flags, FIELD_FILE_FLAGS),
	FIELD_FROM(1, 6, struct bpf_get_fd_by_id_opts, token_fd, FIELD_FD),
	FIELDS_END,
};

static int get_next_id(lua_State *L, const struct kind *kind)
{
	uint32_t start =
		lua_isnoneornil(L, 1) ? 0 : (uint32_t)value_check_int(L, 1, 0, INT32_MAX - 1);
	__u32 next = 0;
	int ret = kind->next_id(start, &next), err = ret ? value_errno(ret) : 0;

	if (err && err != ENOENT)
		return value_fail(L, err, "%s_get_next_id", kind->name);
	if (err)
		lua_pushnil(L);
	else
		value_push_u32(L, next);
	return 1;
}

static int get_fd_by_id(lua_State *L, const struct kind *kind)
{
	struct bpf_get_fd_by_id_opts opts = {.sz = sizeof(opts)};
	uint32_t id = (uint32_t)value_check_int(L, 1, 0, UINT32_MAX);
	struct fd *fd;
	int number;

	field_read(L, 2, fields, &opts);
	fd = fd_push(L);
	number = kind->get_fd(id, &opts);
	if (number < 0)
		return value_fail(L, value_errno(number), "%s_get_fd_by_id: %s %u", kind->name,
				  kind->name, id);
	fd_own(fd, number);
	return 1;
}

/* Iterating ------------------------------------------------------------------------------ */

static int raise_ids(lua_State *L, const struct kind *kind, int err, const char *what)
{
	value_fail(L, err, "%s_%s", kind->name, what);
	return luaL_error(L, "%s", lua_tostring(L, -2));
}

/* Collects garbage once if there are no descriptors left: the collector does not know of earlier
 * ones. */
static int open_id(lua_State *L, const struct kind *kind, uint32_t id)
{
	int number = kind->get_fd(id, NULL);

	if (number >= 0 || value_errno(number) != EMFILE)
		return number;
	lua_gc(L, LUA_GCCOLLECT, 0);
	return kind->get_fd(id, NULL);
}

/* The iterator; upvalue 1 is the kind, 2 the last id. */
static int step_ids(lua_State *L)
{
	const struct kind *kind = lua_touserdata(L, lua_upvalueindex(1));
	__u32 id = (__u32)lua_tonumber(L, lua_upvalueindex(2));
	struct fd *fd;
	int ret, err;

	lua_settop(L, 0);
	fd = fd_push(L);
	for (;;) {
		ret = kind->next_id(id, &id);
		err = ret ? value_errno(ret) : 0;
		if (err == ENOENT)
			return 0;
		if (err)
			return raise_ids(L, kind, err, "get_next_id");
		ret = open_id(L, kind, id);
		err = ret < 0 ? value_errno(ret) : 0;
		if (!err)
			break;
		if (err != ENOENT && err != EAGAIN) /* removed, or not complete yet: skip it */
			return raise_ids(L, kind, err, "get_fd_by_id");
	}
	fd_own(fd, ret);
	value_push_u32(L, id);
	lua_replace(L, lua_upvalueindex(2));
	err = kind->push_info(L, ret, 0);
	if (err)
		return raise_ids(L, kind, err, "get_info_by_fd");
	lua_insert(L, 1);
	return 2;
}

static int iterate_ids(lua_State *L, const struct kind *kind)
{
	lua_pushlightuserdata(L, (void *)kind);
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, step_ids, 2);
	return 1;
}

/*** Returns an iterator over all programs in the kernel.
@function programs
@treturn function iterator; it returns the result of `prog_get_info_by_fd`, and a descriptor, which
the script may close
@raise in the loop, if the kernel refuses: this needs root
@usage for prog, fd in lbpf.programs() do print(prog.id, prog.name) end
@see bpf_prog_get_next_id
*/
static int programs(lua_State *L)
{
	return iterate_ids(L, &prog);
}

/*** Returns an iterator over all maps in the kernel.
@function maps
@treturn function iterator; it returns the result of `map_get_info_by_fd`, and a descriptor
@raise in the loop, if the kernel refuses: this needs root
@see bpf_map_get_next_id
*/
static int maps(lua_State *L)
{
	return iterate_ids(L, &map);
}

/*** Returns an iterator over all links in the kernel.
@function links
@treturn function iterator; it returns the result of `link_get_info_by_fd`, and a descriptor
@raise in the loop, if the kernel refuses: this needs root
@see bpf_link_get_next_id
*/
static int links(lua_State *L)
{
	return iterate_ids(L, &bpf_link);
}

/*** Returns an iterator over all BTF in the kernel: its own, that of modules, and that of programs.
@function btfs
@treturn function iterator; it returns the result of `btf_get_info_by_fd`, and a descriptor
@raise in the loop, if the kernel refuses: this needs root
@see bpf_btf_get_next_id
*/
static int btfs(lua_State *L)
{
	return iterate_ids(L, &btf);
}

/* By id ---------------------------------------------------------------------------------- */

/*** Returns the smallest id of a program that is greater than the given one.
@function prog_get_next_id
@tparam ?integer start_id 0 to 2^31 - 2; nil: 0
@treturn ?integer nil after the last one
@fails EPERM unless root
@see bpf_prog_get_next_id
*/
static int prog_get_next_id(lua_State *L)
{
	return get_next_id(L, &prog);
}

/*** The same as `prog_get_next_id`, for maps.
@function map_get_next_id
@tparam ?integer start_id
@treturn ?integer
@see bpf_map_get_next_id
*/
static int map_get_next_id(lua_State *L)
{
	return get_next_id(L, &map);
}

/*** The same as `prog_get_next_id`, for links.
@function link_get_next_id
@tparam ?integer start_id
@treturn ?integer
@see bpf_link_get_next_id
*/
static int link_get_next_id(lua_State *L)
{
	return get_next_id(L, &bpf_link);
}

/*** The same as `prog_get_next_id`, for BTF.
@function btf_get_next_id
@tparam ?integer start_id
@treturn ?integer
@see bpf_btf_get_next_id
*/
static int btf_get_next_id(lua_State *L)
{
	return get_next_id(L, &btf);
}

/*** Opens the program with this id.
@function prog_get_fd_by_id
@tparam integer id 0 to 2^32 - 1
@tparam ?table opts `open_flags` (of a map, 8: to be read only, 16: to be written only); libbpf 1.6:
 `token_fd`
@treturn fd
@fails ENOENT if there is no such program, EPERM unless root
@see bpf_prog_get_fd_by_id_opts
*/
static int prog_get_fd_by_id(lua_State *L)
{
	return get_fd_by_id(L, &prog);
}

/*** The same as `prog_get_fd_by_id`, for maps.
@function map_get_fd_by_id
@tparam integer id
@tparam ?table opts
@treturn fd
@see bpf_map_get_fd_by_id_opts
*/
static int map_get_fd_by_id(lua_State *L)
{
	return get_fd_by_id(L, &map);
}

/*** The same as `prog_get_fd_by_id`, for links.
@function link_get_fd_by_id
@tparam integer id
@tparam ?table opts
@treturn fd
@see bpf_link_get_fd_by_id_opts
*/
static int link_get_fd_by_id(lua_State *L)
{
	return get_fd_by_id(L, &bpf_link);
}

/*** The same as `prog_get_fd_by_id`, for BTF.
@function btf_get_fd_by_id
@tparam integer id
@tparam ?table opts
@treturn fd
@see bpf_btf_get_fd_by_id_opts
*/
static int btf_get_fd_by_id(lua_State *L)
{
	return get_fd_by_id(L, &btf);
}

void ids_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"programs", programs},
		{"maps", maps},
		{"links", links},
		{"btfs", btfs},
		{"prog_get_next_id", prog_get_next_id},
		{"map_get_next_id", map_get_next_id},
		{"link_get_next_id", link_get_next_id},
		{"btf_get_next_id", btf_get_next_id},
		{"prog_get_fd_by_id", prog_get_fd_by_id},
		{"map_get_fd_by_id", map_get_fd_by_id},
		{"link_get_fd_by_id", link_get_fd_by_id},
		{"btf_get_fd_by_id", btf_get_fd_by_id},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}
