#include "attach/fd.h"

#include "attach/netlink.h"
#include "attach/relative.h"
#include "base/enum.h"
#include "base/fd.h"
#include "base/field.h"
#include "base/flags.h"
#include "base/value.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

/*** @module lbpf */
/*** Attaching without a link
@section attaching_fd
@usage local net = assert(lbpf.open("net.bpf.o"))
assert(net:load())
local prog, cgroup = net.progs.connect_allowed, "/sys/fs/cgroup"
assert(lbpf.prog_attach(prog, cgroup, "cgroup_inet4_connect", "allow_multi"))
assert(lbpf.prog_detach2(prog, cgroup, "cgroup_inet4_connect"))

assert(lbpf.prog_attach(prog, cgroup, "cgroup_inet4_connect")) -- the only one
assert(lbpf.prog_detach(cgroup, "cgroup_inet4_connect"))

local RETURN_0 = "\183\0\0\0\0\0\0\0\149\0\0\0\0\0\0\0"
local dissector = assert(lbpf.prog_load("flow_dissector", "dissect", "GPL", RETURN_0))
assert(lbpf.prog_attach(dissector, 0, "flow_dissector")) -- 0: this process's
print(#assert(lbpf.prog_query("/proc/self/ns/net", "flow_dissector")).prog_ids)
assert(lbpf.prog_detach2(dissector, 0, "flow_dissector"))
*/

static const struct field prog_attach_fields[] = {
	FIELD(struct bpf_prog_attach_opts, flags, FIELD_ATTACH_FLAGS),
	FIELD(struct bpf_prog_attach_opts, replace_prog_fd, FIELD_FD),
	FIELD_FROM(1, 3, struct bpf_prog_attach_opts, replace_fd, FIELD_FD),
	FIELD_FROM(1, 3, struct bpf_prog_attach_opts, relative_fd, FIELD_FD),
	FIELD_FROM(1, 3, struct bpf_prog_attach_opts, relative_id, FIELD_U32),
	FIELD_FROM(1, 3, struct bpf_prog_attach_opts, expected_revision, FIELD_U64),
	FIELDS_END,
};

bool attach_check_target(lua_State *L, int arg, int type, struct fd_target *t,
			 const char *operation)
{
	const char *name = libbpf_bpf_attach_type_str((enum bpf_attach_type)type);

	if (!name ||
	    (strncmp(name, "tcx_", 4) && strncmp(name, "netkit_", 7) && strcmp(name, "xdp"))) {
		fd_check_target(L, arg, t);
		return true;
	}
	t->path = NULL;
	t->number = net_check_interface(L, arg, arg, operation);
	return t->number != 0;
}

/*** Attaches a program by descriptors, without a link: to a cgroup, a socket map, a network
namespace, or with libbpf 1.3 to an interface's tcx.
@function prog_attach
@tparam program|integer prog_fd
@tparam integer|map|string target a descriptor, an object that has one, or a path, for example of a
 cgroup's directory; for tcx the interface
@tparam string|integer type the attach type: "cgroup_inet4_connect", "sk_msg_verdict"
@tparam ?integer|string|table opts the flags: bits, a name ("allow_multi") or a list of names; or a
table with fields of bpf_prog_attach_opts: `flags`, `replace_prog_fd`, and with libbpf 1.3
`replace_fd`, `relative_fd`, `relative_id`, `expected_revision` (64 bits), as for
`program:attach_tcx`
@treturn boolean true
@fails
@see bpf_prog_attach_opts
*/
static int prog_attach(lua_State *L)
{
	struct bpf_prog_attach_opts opts = {.sz = sizeof(opts)};
	int fd = value_check_fd(L, 1), type = enum_check(L, 3, &enum_attach_type), err = 0;
	struct fd_target target;

	lua_settop(L, 4);
	if (lua_istable(L, 4) && lua_rawlen(L, 4) == 0)
		field_read(L, 4, prog_attach_fields, &opts);
	else
		opts.flags = flags_check(L, 4, flags_attach);
	relative_add_flags(L, 4, &opts.flags);
	if (!attach_check_target(L, 2, type, &target, "prog_attach"))
		return 3;
	if (!fd_target_open(&target))
		return value_fail(L, errno, "prog_attach: '%s'", target.path);
	if (bpf_prog_attach_opts(fd, target.number, (enum bpf_attach_type)type, &opts))
		err = errno;
	fd_target_close(&target);
	if (target.path)
		return value_result(L, err, "prog_attach: '%s'", target.path);
	return value_result(L, err, "prog_attach");
}

/*** Detaches the program of an attach type.
@function prog_detach
@tparam integer|map|string target as for `lbpf.prog_attach`
@tparam string|integer type the attach type
@treturn boolean true
@fails ENOENT if no program is attached
@see bpf_prog_detach
*/
static int prog_detach(lua_State *L)
{
	int type = enum_check(L, 2, &enum_attach_type), err = 0;
	struct fd_target target;

	if (!attach_check_target(L, 1, type, &target, "prog_detach"))
		return 3;
	if (!fd_target_open(&target))
		return value_fail(L, errno, "prog_detach: '%s'", target.path);
	if (bpf_prog_detach(target.number, (enum bpf_attach_type)type))
		err = errno;
	fd_target_close(&target);
	return value_result(L, err, "prog_detach");
}

#if LBPF_HEADERS(1, 3)
#pragma weak bpf_prog_detach_opts
#endif

static const struct field prog_detach_fields[] = {
	RELATIVE_FIELDS(1, 3, struct bpf_prog_detach_opts),
	FIELDS_END,
};

/*** Detaches one program.
@function prog_detach2
@tparam program|integer prog_fd 0: the one that opts describe
@tparam integer|map|string target as for `lbpf.prog_attach`
@tparam string|integer type the attach type
@tparam ?table opts with libbpf 1.3 the fields of bpf_prog_detach_opts: `flags`, `relative_fd`,
 `relative_id`, `expected_revision` (64 bits)
@treturn boolean true
@fails ENOENT if the program is not attached
@see bpf_prog_detach2
@see bpf_prog_detach_opts
*/
static int prog_detach2(lua_State *L)
{
	int fd = value_check_fd(L, 1), type = enum_check(L, 3, &enum_attach_type), err = 0, ret;
	struct fd_target target;

	lua_settop(L, 4);
#if LBPF_HEADERS(1, 3)
	struct bpf_prog_detach_opts opts = {.sz = sizeof(opts)};
	bool with_opts = !lua_isnil(L, 4);

	field_read(L, 4, prog_detach_fields, &opts);
	relative_add_flags(L, 4, &opts.flags);
#else
	field_read(L, 4, prog_detach_fields, NULL);
#endif
	if (!attach_check_target(L, 2, type, &target, "prog_detach2"))
		return 3;
	if (!fd_target_open(&target))
		return value_fail(L, errno, "prog_detach2: '%s'", target.path);
#if LBPF_HEADERS(1, 3)
	if (with_opts && compat_libbpf(1, 3))
		ret = bpf_prog_detach_opts(fd, target.number, (enum bpf_attach_type)type, &opts);
	else
#endif
		ret = bpf_prog_detach2(fd, target.number, (enum bpf_attach_type)type);
	if (ret)
		err = errno;
	fd_target_close(&target);
	return value_result(L, err, "prog_detach2");
}

/*** Starts an iteration. Reading the descriptor runs the iterator program and returns its output.
@function iter_create
@tparam link|integer link of `program:attach_iter`
@treturn fd see `fd:read`
@fails
@needs iterators
@usage local iter = assert(lbpf.open("iter.bpf.o"))
for prog in iter:each_program() do
  prog:set_autoload(prog:name() == "tasks")
end
assert(iter:load())
local link = assert(iter.progs.tasks:attach_iter())
print(assert(lbpf.iter_create(link)):read())
@see bpf_iter_create
*/
static int iter_create(lua_State *L)
{
	int link = value_check_fd(L, 1), number;
	struct fd *fd = fd_push(L);

	number = bpf_iter_create(link);
	if (number < 0)
		return value_fail(L, errno, "iter_create");
	fd_own(fd, number);
	return 1;
}

void attach_fd_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"prog_attach", prog_attach},
		{"prog_detach", prog_detach},
		{"prog_detach2", prog_detach2},
		{"iter_create", iter_create},
		{NULL, NULL},
	};
	/* defined here because this build's headers may lack them */
	static const struct constant constants[] = {
		{"F_ALLOW_OVERRIDE", BPF_F_ALLOW_OVERRIDE},
		{"F_ALLOW_MULTI", BPF_F_ALLOW_MULTI},
		{"F_REPLACE", BPF_F_REPLACE},
		{"F_BEFORE", 1 << 3},
		{"F_AFTER", 1 << 4},
		{"F_ID", 1 << 5},
		{"F_PREORDER", 1 << 6},
		{"F_LINK", 1 << 13},
		{NULL, 0},
	};

	luaL_setfuncs(L, functions, 0);
	enum_set_constants(L, constants);
}
