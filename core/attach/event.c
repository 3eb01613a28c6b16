/* Attaching to events and to functions in user space: tracepoint, raw_tracepoint, trace,
 * perf_event, uprobe, usdt.
 */
#include "attach/attach.h"

#include "attach/attempt.h"
#include "attach/usdt.h"
#include "base/fd.h"
#include "base/field.h"
#include "base/list.h"
#include "base/value.h"
#include "object/program.h"
#include <errno.h>

/*** @module lbpf */
/*** Attaching to events, and to functions of user space
@section attaching_event
@usage local user = assert(lbpf.open("attach_user.bpf.o"))
user.progs.on_usdt:set_autoload(false)
assert(user:load())
local opts = {func_name = "malloc"}
assert(user.progs.entry:attach_uprobe(nil, "libc.so.6", nil, opts))
opts.retprobe = true
assert(user.progs.result:attach_uprobe(nil, "libc.so.6", nil, opts))
*/

static const struct field tracepoint_fields[] = {
	FIELD(struct bpf_tracepoint_opts, bpf_cookie, FIELD_U64),
	FIELDS_END,
};

/*** Attaches to a tracepoint.
@function program:attach_tracepoint
@tparam string category "syscalls"
@tparam string name "sys_enter_openat"
@tparam ?table opts `bpf_cookie` (64 bits)
@treturn link
@failslog
@usage local link = assert(object.progs.point:attach_tracepoint("syscalls", "sys_enter_nanosleep"))
@see bpf_program__attach_tracepoint_opts
*/
static int attach_tracepoint(lua_State *L)
{
	struct bpf_tracepoint_opts opts = {.sz = sizeof(opts)};
	const char *category, *name;
	struct bpf_link *link;
	struct attempt a;

	attempt_check(L, &a);
	category = luaL_checkstring(L, 2);
	name = luaL_checkstring(L, 3);
	field_read(L, 4, tracepoint_fields, &opts);
	attempt_begin(L, &a);
	link = bpf_program__attach_tracepoint_opts(a.prog, category, name, &opts);
	return attempt_finish(L, &a, link, "attach_tracepoint", name);
}

#if LBPF_HEADERS(1, 4)
/* Missing in the oldest libbpf that the module runs with. */
#pragma weak bpf_program__attach_raw_tracepoint_opts
#endif

static const struct field raw_tracepoint_fields[] = {
	FIELD_FROM(1, 4, struct bpf_raw_tracepoint_opts, cookie, FIELD_U64),
	FIELDS_END,
};

/*** Attaches to a raw tracepoint.
@function program:attach_raw_tracepoint
@tparam string name "sys_enter"
@tparam ?table opts `cookie` (64 bits; libbpf 1.4, kernel 6.10)
@treturn link
@failslog
@usage assert(object.progs.raw:attach_raw_tracepoint("sys_enter"))
@see bpf_program__attach_raw_tracepoint_opts
*/
static int attach_raw_tracepoint(lua_State *L)
{
	struct bpf_link *link;
	struct attempt a;
	const char *name;

	attempt_check(L, &a);
	name = luaL_checkstring(L, 2);
#if LBPF_HEADERS(1, 4)
	struct bpf_raw_tracepoint_opts opts = {.sz = sizeof(opts)};

	field_read(L, 3, raw_tracepoint_fields, &opts);
	attempt_begin(L, &a);
	if (opts.cookie) /* field_read() accepts it only if the function exists */
		link = bpf_program__attach_raw_tracepoint_opts(a.prog, name, &opts);
	else
		link = bpf_program__attach_raw_tracepoint(a.prog, name);
#else
	field_read(L, 3, raw_tracepoint_fields, NULL);
	attempt_begin(L, &a);
	link = bpf_program__attach_raw_tracepoint(a.prog, name);
#endif
	return attempt_finish(L, &a, link, "attach_raw_tracepoint", name);
}

static const struct field trace_fields[] = {
	FIELD(struct bpf_trace_opts, cookie, FIELD_U64),
	FIELDS_END,
};

/* An older libbpf returns EINVAL without a reason: check the version. */
static const struct field trace_raw_fields[] = {
	FIELD_FROM(1, 4, struct bpf_trace_opts, cookie, FIELD_U64),
	FIELDS_END,
};

/*** Attaches a program with BTF types (tp_btf, fentry, fexit, fmod_ret) to the target it was loaded
for.
@function program:attach_trace
@tparam ?table opts `cookie` (64 bits; for tp_btf libbpf 1.4, kernel 6.10)
@treturn link
@failslog
@usage local events = assert(lbpf.open("attach_event.bpf.o"))
for prog in events:each_program() do
  prog:set_autoload(prog:name() == "on_trace")
end
assert(events:load())
assert(events.progs.on_trace:attach_trace())
@see bpf_program__attach_trace_opts
*/
static int attach_trace(lua_State *L)
{
	struct bpf_trace_opts opts = {.sz = sizeof(opts)};
	struct bpf_link *link;
	struct attempt a;
	bool raw;

	attempt_check(L, &a);
	raw = bpf_program__expected_attach_type(a.prog) == BPF_TRACE_RAW_TP;
	field_read(L, 2, raw ? trace_raw_fields : trace_fields, &opts);
	attempt_begin(L, &a);
	link = bpf_program__attach_trace_opts(a.prog, &opts);
	return attempt_finish(L, &a, link, "attach_trace", NULL);
}

static const struct field perf_event_fields[] = {
	FIELD(struct bpf_perf_event_opts, bpf_cookie, FIELD_U64),
	FIELD_FROM(1, 2, struct bpf_perf_event_opts, force_ioctl_attach, FIELD_BOOL),
	FIELD_FROM(1, 7, struct bpf_perf_event_opts, dont_enable, FIELD_BOOL),
	FIELDS_END,
};

/*** Attaches to a perf event.
@function program:attach_perf_event
@tparam fd|integer event from `lbpf.perf_event_open`, which the link then owns; or the number of a
 descriptor, which is duplicated
@tparam ?table opts `bpf_cookie` (64 bits), `force_ioctl_attach` (boolean, libbpf 1.2),
 `dont_enable` (boolean, libbpf 1.7)
@treturn link
@failslog
@usage local attr = {type = 1, config = 0, sample_period = 10000000}
local event = assert(lbpf.perf_event_open(attr, 0))
assert(object.progs.sample:attach_perf_event(event))
@see bpf_program__attach_perf_event_opts
*/
static int attach_perf_event(lua_State *L)
{
	struct bpf_perf_event_opts opts = {.sz = sizeof(opts)};
	struct bpf_link *link;
	struct attempt a;
	struct fd *event;

	lua_settop(L, 3);
	attempt_check(L, &a);
	event = fd_check_or_dup(L, 2);
	if (!event)
		return value_fail(L, errno, "attach_perf_event: the descriptor");
	field_read(L, 3, perf_event_fields, &opts);
	attempt_begin(L, &a);
	link = bpf_program__attach_perf_event_opts(a.prog, fd_number(event), &opts);
	if (!value_pointer_error(link))
		fd_disown(event);
	return attempt_finish(L, &a, link, "attach_perf_event", NULL);
}

/* User space ------------------------------------------------------------------------------- */

/* The process at ARG; nil: all processes. */
static pid_t check_pid(lua_State *L, int arg)
{
	return lua_isnil(L, arg) ? -1 : (pid_t)value_check_int(L, arg, -1, INT32_MAX);
}

static const struct field uprobe_fields[] = {
	FIELD(struct bpf_uprobe_opts, func_name, FIELD_STRING),
	FIELD(struct bpf_uprobe_opts, retprobe, FIELD_BOOL),
	FIELD(struct bpf_uprobe_opts, bpf_cookie, FIELD_U64),
	FIELD(struct bpf_uprobe_opts, ref_ctr_offset, FIELD_SIZE),
	FIELD_FROM(1, 2, struct bpf_uprobe_opts, attach_mode, FIELD_INT),
	FIELDS_END,
};

/*** Attaches to the entry or the return of a function in a binary or a shared library.
@function program:attach_uprobe
@tparam ?integer pid 0: this process; nil: all
@tparam string binary_path "libc.so.6", or a path
@tparam ?integer func_offset offset in the file, or in `func_name`
@tparam ?table opts `func_name`, `retprobe` (boolean), `bpf_cookie` (64 bits), `ref_ctr_offset`,
 `attach_mode`
@treturn link
@failslog
@see bpf_program__attach_uprobe_opts
*/
static int attach_uprobe(lua_State *L)
{
	struct bpf_uprobe_opts opts = {.sz = sizeof(opts)};
	struct bpf_link *link;
	struct attempt a;
	const char *path;
	size_t offset;
	pid_t pid;

	lua_settop(L, 5);
	attempt_check(L, &a);
	pid = check_pid(L, 2);
	path = luaL_checkstring(L, 3);
	offset = lua_isnil(L, 4) ? 0 : (size_t)value_check_int(L, 4, 0, INT64_MAX);
	field_read(L, 5, uprobe_fields, &opts);
	luaL_argcheck(L, opts.func_name || !lua_isnil(L, 4), 4,
		      "expected an offset, or option 'func_name'");
	attempt_begin(L, &a);
	link = bpf_program__attach_uprobe_opts(a.prog, pid, path, offset, &opts);
	return attempt_finish(L, &a, link, "attach_uprobe", opts.func_name ? opts.func_name : path);
}

#if LBPF_HEADERS(1, 3)
#pragma weak bpf_program__attach_uprobe_multi

static const struct field uprobe_multi_fields[] = {
	FIELD_BY_MODULE("syms"),
	FIELD_BY_MODULE("offsets"),
	FIELD_BY_MODULE("ref_ctr_offsets"),
	FIELD_BY_MODULE("cookies"),
	FIELD_FROM(1, 3, struct bpf_uprobe_multi_opts, retprobe, FIELD_BOOL),
	FIELD_FROM(1, 6, struct bpf_uprobe_multi_opts, session, FIELD_BOOL),
	FIELDS_END,
};
#endif

/*** Attaches to many functions of a binary in one call: kernel 6.6. The program must be
SEC("uprobe.multi"), or SEC("uprobe.session") for sessions.
@function program:attach_uprobe_multi
@tparam ?integer pid 0: this process; nil: all
@tparam string binary_path "libc.so.6", or a path
@tparam ?string func_pattern pattern of function names, with * and ?; nil if syms or offsets are
given
@tparam ?table opts `syms`: a list of names, or `offsets`: a list of offsets in the file;
 `ref_ctr_offsets` and `cookies`: lists of 64-bit integers of the same length; `retprobe` (boolean);
 `session` (boolean): entry and return, libbpf 1.6
@treturn link
@failslog EOPNOTSUPP before libbpf 1.3
@needs uprobe_multi
@usage local user = assert(lbpf.open("uprobe_multi.bpf.o"))
assert(user:load())
assert(user.progs.entry:attach_uprobe_multi(nil, "libc.so.6", "str*"))
@see bpf_program__attach_uprobe_multi
*/
static int attach_uprobe_multi(lua_State *L)
{
#if LBPF_HEADERS(1, 3)
	struct bpf_uprobe_multi_opts opts = {.sz = sizeof(opts)};
	const char *path, *pattern;
	struct bpf_link *link;
	struct attempt a;
	pid_t pid;

	if (!compat_libbpf(1, 3))
		return value_needs_libbpf(L, "attach_uprobe_multi", 1, 3);
	lua_settop(L, 5);
	attempt_check(L, &a);
	pid = check_pid(L, 2);
	path = luaL_checkstring(L, 3);
	pattern = luaL_optstring(L, 4, NULL);
	field_read(L, 5, uprobe_multi_fields, &opts);
	if (!lua_isnil(L, 5)) {
		opts.syms = list_strings(L, 5, "syms", &opts.cnt);
		opts.offsets = (unsigned long *)list_u64(L, 5, "offsets", &opts.cnt);
		opts.ref_ctr_offsets =
			(unsigned long *)list_u64(L, 5, "ref_ctr_offsets", &opts.cnt);
		opts.cookies = (const __u64 *)list_u64(L, 5, "cookies", &opts.cnt);
	}
	luaL_argcheck(L, (pattern != NULL) + (opts.syms != NULL) + (opts.offsets != NULL) == 1, 4,
		      "expected exactly one of a pattern, option 'syms' and option 'offsets'");
	luaL_argcheck(L, !pattern || !opts.cnt, 5,
		      "lists can be used with 'syms' or 'offsets', not with a pattern");
	attempt_begin(L, &a);
	link = bpf_program__attach_uprobe_multi(a.prog, pid, path, pattern, &opts);
	return attempt_finish(L, &a, link, "attach_uprobe_multi", pattern ? pattern : path);
#else
	return value_needs_libbpf(L, "attach_uprobe_multi", 1, 3);
#endif
}

static const struct field usdt_fields[] = {
	FIELD(struct bpf_usdt_opts, usdt_cookie, FIELD_U64),
	FIELDS_END,
};

/*** Attaches to a statically defined probe of a binary.
@function program:attach_usdt
@tparam ?integer pid 0: this process; nil: all
@tparam string binary_path
@tparam string provider
@tparam string name
@tparam ?table opts `usdt_cookie` (64 bits)
@treturn link
@failslog EOPNOTSUPP if the object was compiled for libbpf before 1.7 and this is 1.7, or
the other way round
@usage local user = assert(lbpf.open("attach_user.bpf.o"))
assert(user:load())
assert(user.progs.on_usdt:attach_usdt(nil, "build/helpers/probe_me", "lbpf_test", "called"))
@see bpf_program__attach_usdt
*/
static int attach_usdt(lua_State *L)
{
	struct bpf_usdt_opts opts = {.sz = sizeof(opts)};
	const char *path, *provider, *name;
	struct bpf_link *link;
	struct attempt a;
	pid_t pid;

	lua_settop(L, 6);
	attempt_check(L, &a);
	pid = check_pid(L, 2);
	path = luaL_checkstring(L, 3);
	provider = luaL_checkstring(L, 4);
	name = luaL_checkstring(L, 5);
	field_read(L, 6, usdt_fields, &opts);
	if (!usdt_fits(L, a.owner, a.prog, "attach_usdt"))
		return 3;
	attempt_begin(L, &a);
	link = bpf_program__attach_usdt(a.prog, pid, path, provider, name, &opts);
	return attempt_finish(L, &a, link, "attach_usdt", name);
}

void attach_event_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"attach_tracepoint", attach_tracepoint},
		{"attach_raw_tracepoint", attach_raw_tracepoint},
		{"attach_trace", attach_trace},
		{"attach_perf_event", attach_perf_event},
		{"attach_uprobe", attach_uprobe},
		{"attach_uprobe_multi", attach_uprobe_multi},
		{"attach_usdt", attach_usdt},
		{NULL, NULL},
	};

	program_add_methods(L, methods);
}
