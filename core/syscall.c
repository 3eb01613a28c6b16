#include "syscall.h"

#include "fd.h"
#include "value.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** Objects in a BPF file system, and more of bpf(2)
@section syscall
*/

/*** Makes the kernel count how often each program runs, and for how long, while the descriptor is
open: see `run_cnt` and `run_time_ns` of `prog_get_info_by_fd`.
@function enable_stats
@tparam ?string|integer type "run_time" (the default), or a number
@treturn fd
@treturn[2] nil
@treturn[2] string message, and the error number
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

/*** Which program is attached to a perf event or raw tracepoint of some process.
@function task_fd_query
@tparam ?integer pid nil: this process
@tparam integer|fd fd a descriptor of that process
@tparam ?integer flags 0
@treturn table `prog_id`; `fd_type`: "raw_tracepoint", "tracepoint", "kprobe", "kretprobe", "uprobe"
 or "uretprobe"; `buf`: the tracepoint's, function's or file's name; `probe_offset`, `probe_addr`
@treturn[2] nil
@treturn[2] string message, and the error number: ENOTSUPP (524) if no program is attached by it
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
	value_push_u64(L, addr);
	lua_setfield(L, -2, "probe_addr");
	return 1;
}

void syscall_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"enable_stats", enable_stats}, {"task_fd_query", task_fd_query}, {NULL, NULL}};

	luaL_setfuncs(L, functions, 0);
	luaL_setfuncs(L, map_fd_functions, 0);
	luaL_setfuncs(L, map_batch_functions, 0);
	luaL_setfuncs(L, prog_fd_functions, 0);
	luaL_setfuncs(L, link_fd_functions, 0);
	luaL_setfuncs(L, id_functions, 0);
	luaL_setfuncs(L, info_functions, 0);
}
