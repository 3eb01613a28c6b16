/* Links by descriptor, and files of the BPF file system. */
#include "attach/fd.h"
#include "attach/link.h"
#include "attach/relative.h"
#include "base/enum.h"
#include "base/fd.h"
#include "base/field.h"
#include "base/list.h"
#include "base/value.h"
#include "kernel/syscall.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** Links by descriptor
@section links_fd
@usage local prog = object.progs.raw
local tracepoint = assert(lbpf.raw_tracepoint_open("sys_enter", prog))
assert(tracepoint:close())

local link = assert(lbpf.link_create(object.progs.drop, "lo", "xdp"))
assert(lbpf.link_update(link, object.progs.drop))
assert(lbpf.obj_pin(link, "/sys/fs/bpf/drop"))
assert(assert(lbpf.obj_get("/sys/fs/bpf/drop")):close())
assert(os.remove("/sys/fs/bpf/drop"))
assert(lbpf.link_detach(link))
*/

#if LBPF_HEADERS(1, 3)
#pragma weak bpf_obj_pin_opts
#endif
#if LBPF_HEADERS(1, 4)
#pragma weak bpf_raw_tracepoint_open_opts
#endif

/* Creating links -------------------------------------------------------------------------- */

static const struct field create_fields[] = {
	FIELD(struct bpf_link_create_opts, flags, FIELD_ATTACH_FLAGS),
	FIELD(struct bpf_link_create_opts, target_btf_id, FIELD_U32),
	FIELD_BY_MODULE("iter_info"),
	FIELD_BY_MODULE("perf_event"),
	FIELD_BY_MODULE("kprobe_multi"),
	FIELD_BY_MODULE("tracing"),
	FIELD_BY_MODULE_FROM(1, 3, "uprobe_multi"),
	FIELD_BY_MODULE_FROM(1, 3, "netfilter"),
	FIELD_BY_MODULE_FROM(1, 3, "tcx"),
	FIELD_BY_MODULE_FROM(1, 3, "netkit"),
	FIELD_BY_MODULE_FROM(1, 6, "cgroup"),
	FIELDS_END,
};

#define PART(part, member, kind_)                                                                  \
	{                                                                                          \
		.name = #member, .kind = (kind_),                                                  \
		.offset = offsetof(struct bpf_link_create_opts, part.member)                       \
	}

static const struct field perf_event_fields[] = {
	PART(perf_event, bpf_cookie, FIELD_U64),
	FIELDS_END,
};
static const struct field tracing_fields[] = {
	PART(tracing, cookie, FIELD_U64),
	FIELDS_END,
};
static const struct field kprobe_multi_fields[] = {
	PART(kprobe_multi, flags, FIELD_MULTI_FLAGS),
	FIELD_BY_MODULE("syms"),
	FIELD_BY_MODULE("addrs"),
	FIELD_BY_MODULE("cookies"),
	FIELDS_END,
};

static void read_kprobe_multi(lua_State *L, struct bpf_link_create_opts *opts)
{
	size_t n = 0;

	opts->kprobe_multi.syms = list_strings(L, 4, "syms", &n);
	opts->kprobe_multi.addrs = (const unsigned long *)list_u64(L, 4, "addrs", &n);
	opts->kprobe_multi.cookies = (const __u64 *)list_u64(L, 4, "cookies", &n);
	opts->kprobe_multi.cnt = (__u32)n;
}

#if LBPF_HEADERS(1, 3)
static const struct field uprobe_multi_fields[] = {
	PART(uprobe_multi, flags, FIELD_MULTI_FLAGS),
	PART(uprobe_multi, path, FIELD_STRING),
	PART(uprobe_multi, pid, FIELD_U32),
	FIELD_BY_MODULE("offsets"),
	FIELD_BY_MODULE("ref_ctr_offsets"),
	FIELD_BY_MODULE("cookies"),
	FIELDS_END,
};

static void read_uprobe_multi(lua_State *L, struct bpf_link_create_opts *opts)
{
	size_t n = 0;

	opts->uprobe_multi.offsets = (const unsigned long *)list_u64(L, 4, "offsets", &n);
	opts->uprobe_multi.ref_ctr_offsets =
		(const unsigned long *)list_u64(L, 4, "ref_ctr_offsets", &n);
	opts->uprobe_multi.cookies = (const __u64 *)list_u64(L, 4, "cookies", &n);
	opts->uprobe_multi.cnt = (__u32)n;
}

static const struct field netfilter_fields[] = {
	PART(netfilter, pf, FIELD_U32),
	PART(netfilter, hooknum, FIELD_U32),
	PART(netfilter, priority, FIELD_INT),
	PART(netfilter, flags, FIELD_NETFILTER_FLAGS),
	FIELDS_END,
};
static const struct field tcx_fields[] = {
	PART(tcx, relative_fd, FIELD_FD),
	PART(tcx, relative_id, FIELD_U32),
	PART(tcx, expected_revision, FIELD_U64),
	FIELDS_END,
};
static const struct field netkit_fields[] = {
	PART(netkit, relative_fd, FIELD_FD),
	PART(netkit, relative_id, FIELD_U32),
	PART(netkit, expected_revision, FIELD_U64),
	FIELDS_END,
};
#endif
#if LBPF_HEADERS(1, 6)
static const struct field cgroup_fields[] = {
	PART(cgroup, relative_fd, FIELD_FD),
	PART(cgroup, relative_id, FIELD_U32),
	PART(cgroup, expected_revision, FIELD_U64),
	FIELDS_END,
};
#endif

/* These are in a union: the attach type determines which one may be given. */
static const struct link_part {
	const char *name;
	const struct field *fields;
	void (*read_lists)(lua_State *L, struct bpf_link_create_opts *opts);
	const char *types[7]; /* attach types, or their prefixes */
} parts[] = {
	{"perf_event", perf_event_fields, NULL, {"perf_event"}},
	{"kprobe_multi", kprobe_multi_fields, read_kprobe_multi, {"trace_kprobe_"}},
	{"tracing",
	 tracing_fields,
	 NULL,
	 {"trace_fentry", "trace_fexit", "trace_fsession", "modify_return", "lsm_mac",
	  "trace_raw_tp"}},
#if LBPF_HEADERS(1, 3)
	{"uprobe_multi", uprobe_multi_fields, read_uprobe_multi, {"trace_uprobe_"}},
	{"netfilter", netfilter_fields, NULL, {"netfilter"}},
	{"tcx", tcx_fields, NULL, {"tcx_"}},
	{"netkit", netkit_fields, NULL, {"netkit_"}},
#endif
#if LBPF_HEADERS(1, 6)
	{"cgroup", cgroup_fields, NULL, {"cgroup_", "lsm_cgroup"}},
#endif
};

static bool part_fits(const struct link_part *part, int type)
{
	const char *name = enum_attach_type.name(type);

	for (int i = 0; name && part->types[i]; i++)
		if (strncmp(name, part->types[i], strlen(part->types[i])) == 0)
			return true;
	return false;
}

/* Replaces the argument ARG by its option NAME, a table, so that errors are about that argument.
 * False if it is not given. The argument stays on the stack.
 */
static bool step_into(lua_State *L, int arg, const char *name)
{
	lua_getfield(L, arg, name);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return false;
	}
	if (!lua_istable(L, -1))
		luaL_argerror(L, arg, lua_pushfstring(L, "option '%s' must be a table", name));
	lua_insert(L, arg);
	return true;
}

static void read_part(lua_State *L, const struct link_part *part, int type,
		      struct bpf_link_create_opts *opts)
{
	if (!step_into(L, 4, part->name))
		return;
	if (!part_fits(part, type))
		luaL_argerror(
			L, 4,
			lua_pushfstring(L, "option '%s' is not for this attach type", part->name));
	field_read(L, 4, part->fields, opts);
	relative_add_flags(L, 4, &opts->flags);
	if (part->read_lists)
		part->read_lists(L, opts);
	lua_pushvalue(L, 4); /* keeps the strings */
	lua_remove(L, 4);
}

/* What an iterator iterates over: struct bpf_iter_link_info. */

#define INFO(part, member, kind_)                                                                  \
	{                                                                                          \
		.name = #member, .kind = (kind_),                                                  \
		.offset = offsetof(union bpf_iter_link_info, part.member)                          \
	}

static const struct field iter_fields[] = {
	FIELD_BY_MODULE("map"),
	FIELD_BY_MODULE("cgroup"),
	FIELD_BY_MODULE("task"),
	FIELDS_END,
};
static const struct field iter_map_fields[] = {INFO(map, map_fd, FIELD_FD), FIELDS_END};
static const struct field iter_cgroup_fields[] = {
	INFO(cgroup, order, FIELD_U32),
	INFO(cgroup, cgroup_fd, FIELD_FD),
	INFO(cgroup, cgroup_id, FIELD_U64),
	FIELDS_END,
};
static const struct field iter_task_fields[] = {
	INFO(task, tid, FIELD_U32),
	INFO(task, pid, FIELD_U32),
	INFO(task, pid_fd, FIELD_FD),
	FIELDS_END,
};

static void read_iter(lua_State *L, int type, struct bpf_link_create_opts *opts,
		      union bpf_iter_link_info *info)
{
	static const struct field *const fields[] = {iter_map_fields, iter_cgroup_fields,
						     iter_task_fields};

	if (!step_into(L, 4, "iter_info"))
		return;
	luaL_argcheck(L, type == BPF_TRACE_ITER, 4,
		      "option 'iter_info' is not for this attach type");
	field_read(L, 4, iter_fields, info);
	for (int i = 0; i < 3; i++) {
		if (!step_into(L, 4, iter_fields[i].name))
			continue;
		field_read(L, 4, fields[i], info);
		lua_remove(L, 4);
	}
	lua_remove(L, 4);
	opts->iter_info = info;
	opts->iter_info_len = sizeof(*info);
}

/*** Attaches a program by a link that belongs to no object. It is destroyed with its last
descriptor, unless it is pinned.
@function link_create
@tparam integer|fd|program prog a descriptor, or an object that has one; for struct_ops, the map's
@tparam integer|fd|string target a descriptor of a cgroup, a network namespace or a perf event, or a
 path; for XDP, tcx and netkit the index or name of an interface; or 0
@tparam string|integer attach_type "cgroup_inet_ingress"
@tparam ?table opts `flags`, `target_btf_id`; and the table for the attach type:
 `iter_info` (`map`: `map_fd`; `cgroup`: `order`, `cgroup_fd`, `cgroup_id`; `task`: `tid`, `pid`,
 `pid_fd`), `perf_event` (`bpf_cookie`), `kprobe_multi` (lists `syms` or `addrs`, and `cookies`;
 `flags`), `tracing` (`cookie`); libbpf 1.3: `uprobe_multi` (`path`, lists `offsets`,
 `ref_ctr_offsets`, `cookies`; `pid`, `flags`), `netfilter` (`pf`, `hooknum`, `priority`, `flags`),
 `tcx` and `netkit` (`relative_fd`, `relative_id`, `expected_revision`); libbpf 1.6: `cgroup` (the
same)
@treturn fd
@fails
@see bpf_link_create
*/
static int link_create(lua_State *L)
{
	struct bpf_link_create_opts opts;
	int prog = value_check_fd(L, 1), type, number, err;
	struct fd_target target;
	union bpf_iter_link_info info;
	const char *name;
	struct fd *fd;

	/* an initializer would not clear all of a union */
	memset(&opts, 0, sizeof(opts));
	memset(&info, 0, sizeof(info));
	opts.sz = sizeof(opts);
	lua_settop(L, 4);
	type = enum_check(L, 3, &enum_attach_type);
	name = enum_attach_type.name(type);
	field_read(L, 4, create_fields, &opts);
	if (!lua_isnil(L, 4)) {
		read_iter(L, type, &opts, &info);
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			read_part(L, &parts[i], type, &opts);
	}
	if (!attach_check_target(L, 2, type, &target, "link_create"))
		return 3;
	fd = fd_push(L);
	number = -1;
	if (fd_target_open(&target))
		number = bpf_link_create(prog, target.number, (enum bpf_attach_type)type, &opts);
	err = number < 0 ? errno : 0;
	fd_target_close(&target);
	if (err)
		return value_fail(L, err, "link_create: program %d, %s", prog, name ? name : "?");
	fd_own(fd, number);
	return 1;
}

static const struct field raw_tracepoint_fields[] = {
	FIELD_FROM(1, 4, struct bpf_raw_tp_opts, cookie, FIELD_U64),
	FIELDS_END,
};

/*** Attaches a program to a raw tracepoint; without a name, attaches a tracing program to the
function it was loaded for.
@function raw_tracepoint_open
@tparam ?string name "sched_switch"
@tparam integer|fd|program prog
@tparam ?table opts `cookie` (64 bits), libbpf 1.4
@treturn fd
@fails ENOENT if there is no such tracepoint
@see bpf_raw_tracepoint_open_opts
*/
static int raw_tracepoint_open(lua_State *L)
{
	const char *name = luaL_optstring(L, 1, NULL);
	int prog = value_check_fd(L, 2), number;
	struct fd *fd;

	lua_settop(L, 3);
#if LBPF_HEADERS(1, 4)
	struct bpf_raw_tp_opts opts = {.sz = sizeof(opts), .tp_name = name};

	field_read(L, 3, raw_tracepoint_fields, &opts);
	fd = fd_push(L);
	number = compat_libbpf(1, 4) ? bpf_raw_tracepoint_open_opts(prog, &opts)
				     : bpf_raw_tracepoint_open(name, prog);
#else
	field_read(L, 3, raw_tracepoint_fields, NULL);
	fd = fd_push(L);
	number = bpf_raw_tracepoint_open(name, prog);
#endif
	if (number < 0)
		return value_fail(L, value_errno(number), "raw_tracepoint_open '%s'",
				  name ? name : "");
	fd_own(fd, number);
	return 1;
}

/* Existing links --------------------------------------------------------------------------- */

static int linkfd_done(lua_State *L, int ret, const char *what, int fd)
{
	if (ret)
		return value_fail(L, value_errno(ret), "%s: descriptor %d", what, fd);
	lua_settop(L, 1);
	return 1;
}

static const struct field update_fields[] = {
	FIELD(struct bpf_link_update_opts, flags, FIELD_ATTACH_FLAGS),
	FIELD(struct bpf_link_update_opts, old_prog_fd, FIELD_FD),
	FIELD_FROM(1, 2, struct bpf_link_update_opts, old_map_fd, FIELD_FD),
	FIELDS_END,
};

/*** Replaces the program of a link atomically.
@function link_update
@tparam integer|fd|link link
@tparam integer|fd|program new_prog for struct_ops, the map
@tparam ?table opts `flags` ("replace": only if the program is `old_prog_fd`), `old_prog_fd`;
libbpf 1.2: `old_map_fd`
@treturn integer|fd|link the first argument
@fails
@see bpf_link_update
*/
static int link_update(lua_State *L)
{
	struct bpf_link_update_opts opts = {.sz = sizeof(opts)};
	int link = value_check_fd(L, 1), prog = value_check_fd(L, 2);

	field_read(L, 3, update_fields, &opts);
	if (link_has_map(link, prog))
		return linkfd_done(L, 0, "link_update", link);
	return linkfd_done(L, bpf_link_update(link, prog, &opts), "link_update", link);
}

/*** Detaches a link's program. The link stays, without a program.
@function link_detach
@tparam integer|fd|link link
@treturn integer|fd|link the first argument
@fails EOPNOTSUPP if links of this type cannot be detached
@see bpf_link_detach
*/
static int link_detach_fd(lua_State *L)
{
	int link = value_check_fd(L, 1);

	return linkfd_done(L, bpf_link_detach(link), "link_detach", link);
}

/* Files ------------------------------------------------------------------------------------ */

static const struct field pin_fields[] = {
	FIELD_FROM(1, 3, struct bpf_obj_pin_opts, file_flags, FIELD_FILE_FLAGS),
	FIELD_FROM(1, 3, struct bpf_obj_pin_opts, path_fd, FIELD_FD),
	FIELDS_END,
};

/*** Pins a program, map or link in a BPF file system: it exists until the file is removed.
@function obj_pin
@tparam integer|fd|program|map|link obj
@tparam string pathname path of the new file
@tparam ?table opts libbpf 1.3: `path_fd` (a directory; with `file_flags` "path_fd"),
 `file_flags`
@treturn integer|fd|program|map|link the first argument
@fails
@see bpf_obj_pin_opts
*/
static int obj_pin(lua_State *L)
{
	int fd = value_check_fd(L, 1), ret;
	const char *path = luaL_checkstring(L, 2);

	lua_settop(L, 3);
#if LBPF_HEADERS(1, 3)
	struct bpf_obj_pin_opts opts = {.sz = sizeof(opts)};

	field_read(L, 3, pin_fields, &opts);
	ret = compat_libbpf(1, 3) ? bpf_obj_pin_opts(fd, path, &opts) : bpf_obj_pin(fd, path);
#else
	field_read(L, 3, pin_fields, NULL);
	ret = bpf_obj_pin(fd, path);
#endif
	if (ret)
		return value_fail(L, value_errno(ret), "obj_pin '%s'", path);
	lua_settop(L, 1);
	return 1;
}

static const struct field get_fields[] = {
	FIELD(struct bpf_obj_get_opts, file_flags, FIELD_FILE_FLAGS),
	FIELD_FROM(1, 3, struct bpf_obj_get_opts, path_fd, FIELD_FD),
	FIELDS_END,
};

/*** Opens a pinned program, map or link.
@function obj_get
@tparam string pathname
@tparam ?table opts `file_flags`: "rdonly" or "wronly", for a map; libbpf 1.3:
 `path_fd` (a directory; with `file_flags` "path_fd")
@treturn fd
@fails
@see bpf_obj_get_opts
*/
static int obj_get(lua_State *L)
{
	struct bpf_obj_get_opts opts = {.sz = sizeof(opts)};
	const char *path = luaL_checkstring(L, 1);
	struct fd *fd;
	int number;

	field_read(L, 2, get_fields, &opts);
	fd = fd_push(L);
	number = bpf_obj_get_opts(path, &opts);
	if (number < 0)
		return value_fail(L, value_errno(number), "obj_get '%s'", path);
	fd_own(fd, number);
	return 1;
}

void linkfd_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"link_create", link_create},
		{"raw_tracepoint_open", raw_tracepoint_open},
		{"link_update", link_update},
		{"link_detach", link_detach_fd},
		{"obj_pin", obj_pin},
		{"obj_get", obj_get},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}
