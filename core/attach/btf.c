/* Attaching to what BTF describes: tracing_multi, lsm, freplace, iterators, struct_ops. */
#include "attach/attach.h"

#include "attach/attempt.h"
#include "base/bind.h"
#include "base/enum.h"
#include "base/fd.h"
#include "base/field.h"
#include "base/list.h"
#include "base/newer.h"
#include "base/value.h"
#include "map/map.h"
#include "object/program.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>

/*** @module lbpf */
/*** Attaching to what BTF describes
@section attaching_btf
*/

#if LBPF_HEADERS(1, 7)
#pragma weak bpf_program__assoc_struct_ops
#endif

static const struct field tracing_multi_fields[] = {
	FIELD_BY_MODULE("ids"),
	FIELD_BY_MODULE("cookies"),
	FIELDS_END,
};

/* libbpf does not check this: it would attach an fentry program to its own function, and take the
 * address of the ids for its cookie.
 */
static bool is_tracing_multi(const struct bpf_program *prog)
{
	int type = (int)bpf_program__expected_attach_type(prog);

	return type >= TRACE_FENTRY_MULTI && type <= TRACE_FSESSION_MULTI;
}

/*** Attaches to many kernel functions in one call. The program must be SEC("fentry.multi"),
SEC("fexit.multi") or SEC("fsession.multi"), or one of these with ".s". For functions of a kernel
module, the section names it: SEC("fentry.multi/module:pattern").
@function program:attach_tracing_multi
@tparam ?string pattern of function names, with * and ?; "module:pattern" for those of a module; nil
if ids are given. Functions whose arguments cannot be traced are left out.
@tparam ?table opts `ids`: a list of the functions' ids in the BTF of the kernel or of the module;
`cookies`: a list of 64-bit integers of the same length, for bpf_get_attach_cookie
@treturn link
@failslog EINVAL for a program of another section, or if nothing matches, EOPNOTSUPP before
libbpf 1.8
@raise unless either a pattern or ids are given; for cookies without ids
@needs libbpf 1.8, tracing_multi
@usage local object = assert(lbpf.open("tracing_multi.bpf.o"))
assert(object:load())
assert(object.progs.enter:attach_tracing_multi("vfs_*"))
@see bpf_program__attach_tracing_multi
*/
static int attach_tracing_multi(lua_State *L)
{
	struct bpf_tracing_multi_opts opts = {.sz = sizeof(opts)};
	struct bpf_link *link = NULL;
	const char *pattern;
	struct attempt a;

	lua_settop(L, 3);
	attempt_check(L, &a);
	pattern = luaL_optstring(L, 2, NULL);
	field_read(L, 3, tracing_multi_fields, &opts);
	opts.ids = list_u32(L, 3, "ids", &opts.cnt);
	opts.cookies = (const __u64 *)list_u64(L, 3, "cookies", &opts.cnt);
	luaL_argcheck(L, (pattern != NULL) + (opts.ids != NULL) == 1, 2,
		      "expected either a pattern or option 'ids'");
	luaL_argcheck(L, opts.ids || !opts.cookies, 3, "option 'cookies' needs option 'ids'");
	if (!bpf_program__attach_tracing_multi)
		return value_needs_libbpf(L, "program:attach_tracing_multi", 1, 8);
	if (!is_tracing_multi(a.prog))
		return value_fail_because(
			L, EINVAL,
			"its SEC() is not one of fentry.multi, fexit.multi and fsession.multi",
			"attach_tracing_multi: program '%s'", bpf_program__name(a.prog));
	attempt_begin(L, &a);
	link = bpf_program__attach_tracing_multi(a.prog, pattern, &opts);
	return attempt_finish(L, &a, link, "attach_tracing_multi", pattern);
}

/*** Attaches to the LSM hook that the program was loaded for.
@function program:attach_lsm
@treturn link
@failslog
@needs trampolines, lsm
@usage local tracing = assert(lbpf.open("tracing.bpf.o"))
tracing.progs.no_mkdir:set_autoload(true)
assert(tracing:load())
assert(tracing.progs.no_mkdir:attach_lsm())
@see bpf_program__attach_lsm
*/
static int attach_lsm(lua_State *L)
{
	struct bpf_link *link;
	struct attempt a;

	attempt_check(L, &a);
	attempt_begin(L, &a);
	link = bpf_program__attach_lsm(a.prog);
	return attempt_finish(L, &a, link, "attach_lsm", NULL);
}

/*** Replaces a function of another program by this program.
@function program:attach_freplace
@tparam ?program|integer target_fd the other program, loaded; nil: the one that this was loaded for
@tparam ?string attach_func_name a global function of the target, with the same arguments; nil if
 target_fd is nil
@treturn link
@failslog
@needs trampolines
@usage local net, other = assert(lbpf.open("net.bpf.o")), assert(lbpf.open("freplace.bpf.o"))
assert(net:load())
assert(other.progs.replacement:set_attach_target(net.progs.xdp_asks, "asked"))
assert(other:load())
assert(other.progs.replacement:attach_freplace(net.progs.xdp_asks, "asked"))
@see bpf_program__attach_freplace
*/
static int attach_freplace(lua_State *L)
{
	struct bpf_link *link;
	const char *function;
	struct attempt a;
	int fd;

	lua_settop(L, 3);
	attempt_check(L, &a);
	fd = lua_isnil(L, 2) ? 0 : value_check_fd(L, 2);
	function = luaL_optstring(L, 3, NULL);
	luaL_argcheck(L, (fd != 0) == (function != NULL), 3,
		      "expected both a target and a function, or neither");
	attempt_begin(L, &a);
	link = bpf_program__attach_freplace(a.prog, fd, function);
	return attempt_finish(L, &a, link, "attach_freplace", function);
}

/* Iterators -------------------------------------------------------------------------------- */

/* The kernel's union bpf_iter_link_info; older headers have fewer members. */
union iter_info {
	struct {
		uint32_t map_fd;
	} map;
	struct {
		uint32_t order;
		uint32_t cgroup_fd;
		uint64_t cgroup_id;
	} cgroup;
	struct {
		uint32_t tid;
		uint32_t pid;
		uint32_t pid_fd;
	} task;
};

static const char *order_name(int id)
{
	static const char *const names[] = {NULL, "self_only", "descendants_pre",
					    "descendants_post", "ancestors_up"};

	return id >= 0 && id < (int)(sizeof(names) / sizeof(names[0])) ? names[id] : NULL;
}

static const struct enumeration iter_orders = {"order", order_name};

static const struct field iter_fields[] = {
	{.name = "map_fd", .kind = FIELD_FD, .offset = offsetof(union iter_info, map.map_fd)},
	FIELD_BY_MODULE("order"),
	FIELD_BY_MODULE("cgroup_fd"),
	{.name = "cgroup_id",
	 .kind = FIELD_U64,
	 .offset = offsetof(union iter_info, cgroup.cgroup_id)},
	{.name = "tid", .kind = FIELD_U32, .offset = offsetof(union iter_info, task.tid)},
	{.name = "pid", .kind = FIELD_U32, .offset = offsetof(union iter_info, task.pid)},
	{.name = "pid_fd", .kind = FIELD_FD, .offset = offsetof(union iter_info, task.pid_fd)},
	FIELDS_END,
};

/* Do the options at 2 belong to one structure of the union? */
static bool is_one_kind(lua_State *L)
{
	static const char *const kinds[][3] = {
		{"map_fd"}, {"order", "cgroup_fd", "cgroup_id"}, {"tid", "pid", "pid_fd"}};
	int n = 0;

	for (int i = 0; i < 3; i++) {
		bool given = false;

		for (int j = 0; j < 3 && kinds[i][j]; j++) {
			lua_getfield(L, 2, kinds[i][j]);
			given = given || !lua_isnil(L, -1);
			lua_pop(L, 1);
		}
		n += given;
	}
	return n <= 1;
}

/*** Attaches an iterator. `lbpf.iter_create` then starts an iteration.
@function program:attach_iter
@tparam ?table opts what to iterate over, the fields of bpf_iter_link_info: `map_fd` (map or
 descriptor); or `order` ("self_only", "descendants_pre", "descendants_post", "ancestors_up") with
 `cgroup_fd` (descriptor, or path of the cgroup's directory) or `cgroup_id` (64 bits); or one of
 `tid`, `pid` and `pid_fd`
@treturn link
@failslog
@needs iterators
@usage local iter = assert(lbpf.open("iter.bpf.o"))
for prog in iter:each_program() do
  prog:set_autoload(prog:name() == "tasks")
end
assert(iter:load())
local link = assert(iter.progs.tasks:attach_iter {pid = 1})
print(assert(lbpf.iter_create(link)):read())
@see bpf_program__attach_iter
*/
static int attach_iter(lua_State *L)
{
	union iter_info info = {.cgroup = {0}};
	struct bpf_iter_attach_opts opts = {.sz = sizeof(opts)};
	struct fd_target cgroup = {.number = 0};
	struct bpf_link *link = NULL;
	struct attempt a;
	int order = 0;

	lua_settop(L, 2);
	attempt_check(L, &a);
	field_read(L, 2, iter_fields, &info);
	if (!lua_isnil(L, 2)) {
		luaL_argcheck(L, is_one_kind(L), 2,
			      "options of a map, of cgroups and of tasks cannot be combined");
		lua_getfield(L, 2, "order");
		luaL_argcheck(L, lua_isnil(L, -1) || enum_to_id(L, -1, &iter_orders, &order), 2,
			      "option 'order' must be \"self_only\", \"descendants_pre\", "
			      "\"descendants_post\", \"ancestors_up\" or a number");
		lua_getfield(L, 2, "cgroup_fd");
		luaL_argcheck(L, lua_isnil(L, -1) || fd_to_target(L, -1, &cgroup), 2,
			      "option 'cgroup_fd' must be a descriptor or a path");
		opts.link_info = (union bpf_iter_link_info *)&info;
		opts.link_info_len = sizeof(info);
	}
	attempt_begin(L, &a);
	if (fd_target_open(&cgroup)) {
		if (order)
			info.cgroup.order = (uint32_t)order;
		if (cgroup.number)
			info.cgroup.cgroup_fd = (uint32_t)cgroup.number;
		link = bpf_program__attach_iter(a.prog, &opts);
	}
	fd_target_close(&cgroup);
	return attempt_finish(L, &a, link, "attach_iter", cgroup.path);
}

/*** Registers a struct_ops map, for example a congestion control.
@function map:attach_struct_ops
@treturn link for SEC(".struct_ops") it lasts as long as the object; for SEC(".struct_ops.link")
(libbpf 1.2, kernel 6.4) it can be pinned, and updated with `link:update_map`
@failslog EINVAL if the map is not struct_ops, EBUSY or EEXIST if it is registered
@raise if the object is not loaded
@usage local congestion = assert(lbpf.open("struct_ops.bpf.o"))
assert(congestion:load())
local link = assert(congestion.maps.algorithm:attach_struct_ops())
assert(link:destroy())
@see bpf_map__attach_struct_ops
*/
int attach_struct_ops(lua_State *L)
{
	struct bpf_link *link;
	struct attempt a;

	attempt_check_map(L, &a);
	attempt_begin(L, &a);
	link = bpf_map__attach_struct_ops(a.map);
	return attempt_finish(L, &a, link, "attach_struct_ops", NULL);
}

#if LBPF_HEADERS(1, 7)
static const struct field assoc_fields[] = {
	FIELD(struct bpf_prog_assoc_struct_ops_opts, flags, FIELD_U32),
	FIELDS_END,
};
#endif

/*** Associates the program with a struct_ops map, so that kernel functions that it calls know for
which map they are called.
@function program:assoc_struct_ops
@tparam map map of type "struct_ops"
@tparam ?table opts `flags`
@treturn program itself
@failslog EINVAL if the program is itself struct_ops, or the map is not, EOPNOTSUPP before
libbpf 1.7
@raise if one of them is not loaded
@needs libbpf 1.7
@usage local congestion = assert(lbpf.open("congestion.bpf.o"))
assert(congestion:load())
for map in congestion:each_map() do
  if map:type() == "struct_ops" then
    print(object.progs.enter:assoc_struct_ops(map))
  end
end
@see bpf_program__assoc_struct_ops
*/
static int program_assoc_struct_ops(lua_State *L)
{
	struct bound b = {.operation = "assoc_struct_ops", .kind = "program"};
	struct bpf_program *prog = program_check_loaded(L, 1, &b.owner);

#if LBPF_HEADERS(1, 7)
	if (compat_libbpf(1, 7)) {
		struct bpf_prog_assoc_struct_ops_opts opts = {.sz = sizeof(opts)};
		struct bpf_map *map = map_check_created(L, 2);

		field_read(L, 3, assoc_fields, &opts);
		b.name = bpf_program__name(prog);
		frame_enter(L, &b.frame, b.owner, 0);
		return bind_end(L, &b, bpf_program__assoc_struct_ops(prog, map, &opts));
	}
#endif
	(void)prog;
	return value_needs_libbpf(L, "program:assoc_struct_ops", 1, 7);
}

void attach_btf_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"attach_tracing_multi", attach_tracing_multi}, {"attach_lsm", attach_lsm},
		{"attach_freplace", attach_freplace},           {"attach_iter", attach_iter},
		{"assoc_struct_ops", program_assoc_struct_ops}, {NULL, NULL},
	};
	static const luaL_Reg map_methods[] = {
		{"attach_struct_ops", attach_struct_ops},
		{NULL, NULL},
	};

	program_add_methods(L, methods);
	map_add_methods(L, map_methods);
}
