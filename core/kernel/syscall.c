#include "kernel/syscall.h"

#include "base/fd.h"
#include "base/field.h"
#include "base/value.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** More of bpf(2)
@section syscall
@usage local statistics = assert(lbpf.enable_stats("run_time"))
object:attach()
local info = lbpf.prog_get_info_by_fd(object.progs.leave)
print(info.run_cnt, info.run_time_ns)
statistics:close()

local tracepoint = assert(lbpf.raw_tracepoint_open("sys_enter", object.progs.raw))
print(lbpf.task_fd_query(nil, tracepoint).fd_type)
*/

#if LBPF_HEADERS(1, 4)
#pragma weak bpf_token_create
#endif
#if LBPF_HEADERS(1, 6)
#pragma weak bpf_prog_stream_read
#endif

/*** Enables statistics while the descriptor is open: `run_cnt` and `run_time_ns` of
`prog_get_info_by_fd`.
@function enable_stats
@tparam ?string|integer type "run_time" (the default), or a number
@treturn fd
@fails
@see bpf_enable_stats
*/
static int enable_stats(lua_State *L)
{
	int type = BPF_STATS_RUN_TIME, number;
	struct fd *fd;

	if (lua_type(L, 1) == LUA_TNUMBER)
		type = (int)value_check_int(L, 1, 0, INT32_MAX);
	else
		luaL_argcheck(L, strcmp(luaL_optstring(L, 1, "run_time"), "run_time") == 0, 1,
			      "expected \"run_time\" or a number");
	fd = fd_push(L);
	number = bpf_enable_stats((enum bpf_stats_type)type);
	if (number < 0)
		return value_fail(L, value_errno(number), "enable_stats");
	fd_own(fd, number);
	return 1;
}

/*** Returns which program is attached to a perf event or raw tracepoint of a process.
@function task_fd_query
@tparam ?integer pid nil: this process
@tparam integer|fd fd a descriptor of that process
@tparam ?integer flags 0
@treturn table `prog_id`; `fd_type`: "raw_tracepoint", "tracepoint", "kprobe", "kretprobe", "uprobe"
 or "uretprobe"; `buf`: the tracepoint's, function's or file's name; `probe_offset`, `probe_addr`
@fails ENOTSUPP (524) if no program is attached
@see bpf_task_fd_query
*/
static int task_fd_query(lua_State *L)
{
	static const char *const types[] = {"raw_tracepoint", "tracepoint", "kprobe",
					    "kretprobe",      "uprobe",     "uretprobe"};
	int pid = lua_isnoneornil(L, 1) ? getpid() : (int)value_check_int(L, 1, 1, INT32_MAX);
	int fd = value_check_fd(L, 2), ret;
	uint32_t flags = lua_isnoneornil(L, 3) ? 0 : (uint32_t)value_check_int(L, 3, 0, UINT32_MAX);
	char name[4096] = "";
	__u32 size = sizeof(name), prog_id = 0, type = 0;
	__u64 offset = 0, addr = 0;

	ret = bpf_task_fd_query(pid, fd, flags, name, &size, &prog_id, &type, &offset, &addr);
	if (ret)
		return value_fail(L, value_errno(ret), "task_fd_query: process %d, descriptor %d",
				  pid, fd);
	lua_newtable(L);
	value_push_u32(L, prog_id);
	lua_setfield(L, -2, "prog_id");
	if (type < sizeof(types) / sizeof(types[0]))
		lua_pushstring(L, types[type]);
	else
		value_push_u32(L, type);
	lua_setfield(L, -2, "fd_type");
	lua_pushstring(L, name);
	lua_setfield(L, -2, "buf");
	value_push_u64(L, offset);
	lua_setfield(L, -2, "probe_offset");
	value_push_address(L, addr);
	lua_setfield(L, -2, "probe_addr");
	return 1;
}

#if LBPF_HEADERS(1, 4)
static const struct field token_fields[] = {
	FIELD(struct bpf_token_create_opts, flags, FIELD_U32),
	FIELDS_END,
};
#endif

/*** Creates a BPF token from a BPF file system that was mounted in a user namespace with
delegation. It is the `token_fd` of `map_create`, `prog_load` and `btf_load`.
@function token_create
@tparam integer|fd bpffs_fd a descriptor of the file system's root
@tparam ?table opts `flags`
@treturn fd
@fails EOPNOTSUPP outside of a user namespace, and EOPNOTSUPP before libbpf 1.4
@needs tokens
@usage print(lbpf.token_create(0)) -- nil and why: standard input is no BPF file system
@see bpf_token_create
*/
static int token_create(lua_State *L)
{
	int bpffs = value_check_fd(L, 1);

#if LBPF_HEADERS(1, 4)
	struct bpf_token_create_opts opts = {.sz = sizeof(opts)};

	field_read(L, 2, token_fields, &opts);
	if (compat_libbpf(1, 4)) {
		struct fd *fd = fd_push(L);
		int number = bpf_token_create(bpffs, &opts);

		if (number < 0)
			return value_fail(L, value_errno(number), "token_create: descriptor %d",
					  bpffs);
		fd_own(fd, number);
		return 1;
	}
#endif
	(void)bpffs;
	return value_needs_libbpf(L, "token_create", 1, 4);
}

/*** Reads what a program has written to one of its streams, by bpf_stream_printk(), or the kernel
because of an error in the program.
@function prog_stream_read
@tparam integer|fd|program prog a descriptor, or an object that has one
@tparam string|integer stream "stdout" or "stderr", or its number
@tparam ?integer size how many bytes at most; nil: 65536
@treturn string "" if there is nothing
@fails ENOENT if there is no such stream, EOPNOTSUPP before libbpf 1.6
@needs libbpf 1.6, streams
@usage print(lbpf.prog_stream_read(object.progs.leave, "stderr"))
@see bpf_prog_stream_read
*/
static int prog_stream_read(lua_State *L)
{
	static const char *const names[] = {"stdout", "stderr", NULL};
	int fd = value_check_fd(L, 1);
	uint32_t stream = lua_type(L, 2) == LUA_TNUMBER
				  ? (uint32_t)value_check_int(L, 2, 0, UINT32_MAX)
				  : (uint32_t)luaL_checkoption(L, 2, NULL, names) + 1;
	uint32_t size = lua_isnoneornil(L, 3) ? 65536 : (uint32_t)value_check_int(L, 3, 1, 1 << 28);

#if LBPF_HEADERS(1, 6)
	if (compat_libbpf(1, 6)) {
		char *text = compat_newuserdata(L, size);
		int n = bpf_prog_stream_read(fd, stream, text, size, NULL);

		if (n < 0)
			return value_fail(L, value_errno(n), "prog_stream_read: descriptor %d", fd);
		lua_pushlstring(L, text, (size_t)n);
		return 1;
	}
#endif
	(void)fd, (void)stream, (void)size;
	return value_needs_libbpf(L, "prog_stream_read", 1, 6);
}

void syscall_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"enable_stats", enable_stats},
		{"task_fd_query", task_fd_query},
		{"token_create", token_create},
		{"prog_stream_read", prog_stream_read},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}
