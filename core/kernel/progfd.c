/* Programs by descriptor: loading instructions, running them, asking what is attached where. */
#include "attach/fd.h"
#include "base/enum.h"
#include "base/fd.h"
#include "base/field.h"
#include "base/frame.h"
#include "base/list.h"
#include "base/newer.h"
#include "base/value.h"
#include "kernel/syscall.h"
#include "object/object.h"
#include "object/program.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*** @module lbpf */
/*** Programs by descriptor
@section programs_fd
@usage local RETURN_0 = "\183\0\0\0\0\0\0\0\149\0\0\0\0\0\0\0"
local prog = assert(lbpf.prog_load("socket_filter", "nothing", "GPL", RETURN_0))
print(lbpf.prog_test_run(prog, {data_in = ("\0"):rep(64)}).retval)
local map = assert(lbpf.map_create("array", "notes", 4, 8, 1))
assert(lbpf.prog_bind_map(prog, map)) -- lives as long as the program
local btf = assert(lbpf.btf_new_empty())
btf:add_int("int", 4, "signed")
assert(assert(lbpf.btf_load(btf:raw_data())):close())
*/

/* Loading -------------------------------------------------------------------------------- */

/* The first size of a log, unless the script sets one. */
#define LOG_FIRST ((uint32_t)1 << 16)
#define LOG_LAST  ((uint32_t)1 << 24)

static const struct field prog_load_fields[] = {
	FIELD(struct bpf_prog_load_opts, attempts, FIELD_INT),
	FIELD(struct bpf_prog_load_opts, expected_attach_type, FIELD_ATTACH_TYPE),
	FIELD(struct bpf_prog_load_opts, prog_btf_fd, FIELD_FD),
	FIELD(struct bpf_prog_load_opts, prog_flags, FIELD_PROG_FLAGS),
	FIELD(struct bpf_prog_load_opts, prog_ifindex, FIELD_U32),
	FIELD(struct bpf_prog_load_opts, kern_version, FIELD_U32),
	FIELD(struct bpf_prog_load_opts, attach_btf_id, FIELD_U32),
	FIELD(struct bpf_prog_load_opts, attach_prog_fd, FIELD_FD),
	FIELD(struct bpf_prog_load_opts, attach_btf_obj_fd, FIELD_FD),
	FIELD_BY_MODULE("fd_array"),
	FIELD_BY_MODULE("func_info"),
	FIELD(struct bpf_prog_load_opts, func_info_rec_size, FIELD_U32),
	FIELD_BY_MODULE("line_info"),
	FIELD(struct bpf_prog_load_opts, line_info_rec_size, FIELD_U32),
	FIELD(struct bpf_prog_load_opts, log_level, FIELD_U32),
	FIELD(struct bpf_prog_load_opts, log_size, FIELD_U32),
	FIELD_FROM(1, 4, struct bpf_prog_load_opts, token_fd, FIELD_FD),
	FIELD_FROM(1, 6, struct bpf_prog_load_opts, fd_array_cnt, FIELD_U32),
	FIELDS_END,
};

/* Reads option NAME, bytes in records of REC_SIZE; sets how many there are. */
static const void *read_records(lua_State *L, int arg, const char *name, uint32_t rec_size,
				__u32 *n)
{
	const char *bytes;
	size_t len = 0;

	lua_getfield(L, arg, name);
	bytes = lua_tolstring(L, -1, &len);
	if (!bytes && !lua_isnil(L, -1))
		luaL_argerror(L, arg, lua_pushfstring(L, "option '%s' must be a string", name));
	if (bytes && (rec_size == 0 || len % rec_size != 0 || len / rec_size > INT32_MAX))
		luaL_argerror(L, arg,
			      lua_pushfstring(L, "option '%s' must be records of %s_rec_size bytes",
					      name, name));
	*n = bytes ? (__u32)(len / rec_size) : 0;
	lua_pop(L, 1); /* the table at ARG is our copy, and keeps it */
	return bytes;
}

static void read_load_opts(lua_State *L, int arg, struct bpf_prog_load_opts *opts)
{
	size_t n = 0;

	field_read(L, arg, prog_load_fields, opts);
	if (lua_isnoneornil(L, arg))
		return;
	opts->func_info =
		read_records(L, arg, "func_info", opts->func_info_rec_size, &opts->func_info_cnt);
	opts->line_info =
		read_records(L, arg, "line_info", opts->line_info_rec_size, &opts->line_info_cnt);
	opts->fd_array = list_fds(L, arg, "fd_array", &n);
#if LBPF_HEADERS(1, 6)
	luaL_argcheck(L, opts->fd_array_cnt <= n, arg,
		      "option 'fd_array_cnt' is larger than the length of option 'fd_array'");
#endif
}

/* A load, and the kernel's log of it. */
struct load {
	int (*call)(void *args, char *log, uint32_t size);
	void *args;
	struct owner *owner; /* of the program; NULL if the load has no callbacks */
	int env;             /* index of the owner's table, or 0 */
	uint32_t log_size;   /* 0: as much as the log needs */
	bool log_wanted;
};

/* Calls the function with larger and larger buffers, unless the script sets the size: the kernel
 * refuses a load if its log does not fit. Returns the descriptor, and the log if it is wanted; or
 * nil, message, errno, log.
 */
static int call_load(lua_State *L, const struct load *l, const char *what)
{
	uint32_t size = l->log_size ? l->log_size : LOG_FIRST;
	struct fd *fd = fd_push(L);
	int top = lua_gettop(L), number, err;
	struct frame f;
	bool again;
	char *log;

	do {
		lua_settop(L, top);
		log = compat_newuserdata(L, (size_t)size + 1);
		log[0] = log[size] = '\0';
		frame_enter(L, &f, l->owner, l->env);
		number = l->call(l->args, log, size);
		err = number < 0 ? value_errno(number) : 0;
		again = err == ENOSPC && !l->log_size && size < LOG_LAST;
		if (!err)
			fd_own(fd, number);
		else if (!again)
			frame_log(log, strlen(log));
		frame_leave(&f);
		size *= 16;
	} while (again);
	if (err)
		return value_fail_logged(L, &f, err, "%s", what);
	lua_pushvalue(L, top);
	if (!l->log_wanted)
		return 1;
	lua_pushstring(L, log);
	return 2;
}

struct prog_args {
	enum bpf_prog_type type;
	const char *name, *license;
	const struct bpf_insn *insns;
	size_t n;
	struct bpf_prog_load_opts opts;
};

static int call_prog_load(void *args, char *log, uint32_t size)
{
	struct prog_args *a = args;

	a->opts.log_buf = log;
	a->opts.log_size = size;
	return bpf_prog_load(a->type, a->name, a->license, a->insns, a->n, &a->opts);
}

/*** Loads a program from its instructions.
@function prog_load
@tparam string|integer prog_type "socket_filter"
@tparam ?string prog_name at most 15 characters are used
@tparam string license "GPL"
@tparam string insns struct bpf_insn of 8 bytes each, 1 to 1,000,000 of them
@tparam ?table opts `expected_attach_type`, `attach_btf_id`, `attach_prog_fd`, `attach_btf_obj_fd`,
 `prog_flags`, `prog_btf_fd`, `prog_ifindex`, `kern_version`, `attempts`, `fd_array` (a list of
 descriptors), `func_info` and `line_info` (bytes) with `func_info_rec_size` and
 `line_info_rec_size`, `log_level` (1: jumps; 2: all; 4: statistics), `log_size` in bytes; libbpf
 1.4: `token_fd`; libbpf 1.6: `fd_array_cnt`. Descriptors may be objects.
@treturn fd
@treturn ?string with `log_level`, the verifier's log
@failslog
@see bpf_prog_load
*/
static int prog_load(lua_State *L)
{
	struct prog_args a = {.opts.sz = sizeof(a.opts)};
	struct load l = {.call = call_prog_load, .args = &a};
	size_t size;

	lua_settop(L, 5);
	a.type = (enum bpf_prog_type)enum_check(L, 1, &enum_prog_type);
	a.name = luaL_optstring(L, 2, NULL);
	a.license = luaL_checkstring(L, 3);
	a.insns = (const struct bpf_insn *)luaL_checklstring(L, 4, &size);
	a.n = size / sizeof(*a.insns);
	luaL_argcheck(L, size % sizeof(*a.insns) == 0 && a.n >= 1 && a.n <= PROGRAM_INSNS_MAX, 4,
		      "expected 1 to 1,000,000 instructions of 8 bytes");
	read_load_opts(L, 5, &a.opts);
	l.log_size = a.opts.log_size;
	l.log_wanted = a.opts.log_level > 0;
	return call_load(L, &l, lua_pushfstring(L, "prog_load '%s'", a.name ? a.name : ""));
}

struct clone_args {
	struct bpf_program *prog;
	struct bpf_prog_load_opts opts;
};

static int call_clone(void *args, char *log, uint32_t size)
{
	struct clone_args *a = args;

	a->opts.log_buf = log;
	a->opts.log_size = size;
	return bpf_program__clone(a->prog, &a->opts);
}

/* After the load, libbpf may no longer have the handlers that the program was opened with, but
 * would call them. What is not to be loaded has not been relocated.
 */
static struct bpf_program *check_clonable(lua_State *L, struct owner **owner)
{
	struct bpf_program *prog = program_check(L, 1, owner);

	owner_check_idle(L, *owner, "clone");
	if (!object_is_prepared(*owner) || object_is_loading_over(*owner))
		luaL_error(L,
			   "program '%s' can be cloned after object:prepare() and before "
			   "object:load()",
			   bpf_program__name(prog));
	if (!bpf_program__autoload(prog))
		luaL_error(L, "program '%s' cannot be cloned: its autoload is off",
			   bpf_program__name(prog));
	return prog;
}

/*** Loads a program of a prepared object, apart from the object: one may try it with other options,
or load it more than once.
@function program:clone
@tparam ?table opts those of `lbpf.prog_load`; a field that is not given, or is 0, is as the object
has it, except `log_level`. `attempts` has no effect.
@treturn fd a program that the object does not know of. The object's maps of constants are not bound
to it: `lbpf.prog_bind_map` does that.
@treturn ?string with `log_level`, the verifier's log
@failslog EOPNOTSUPP before libbpf 1.8
@raise unless the object is prepared and not yet loaded; if the program's autoload is off; the error
of a handler's function; inside a callback of its object
@needs libbpf 1.8
@usage local object = assert(lbpf.open("trace.bpf.o"))
assert(object:prepare())
local clone, log = assert(object.progs.enter:clone({log_level = 4}))
print(log)
@see bpf_program__clone
*/
static int program_clone(lua_State *L)
{
	struct clone_args a = {.opts.sz = sizeof(a.opts)};
	struct load l = {.call = call_clone, .args = &a};

	lua_settop(L, 2);
	program_check(L, 1, NULL);
	read_load_opts(L, 2, &a.opts);
	if (!bpf_program__clone)
		return value_needs_libbpf(L, "program:clone", 1, 8);
	a.prog = check_clonable(L, &l.owner);
	class_env(L, 1);
	l.env = lua_gettop(L);
	l.log_size = a.opts.log_size;
	l.log_wanted = a.opts.log_level > 0;
	return call_load(L, &l, lua_pushfstring(L, "clone '%s'", bpf_program__name(a.prog)));
}

struct btf_args {
	const void *data;
	size_t size;
	struct bpf_btf_load_opts opts;
};

static int call_btf_load(void *args, char *log, uint32_t size)
{
	struct btf_args *a = args;

	a->opts.log_buf = log;
	a->opts.log_size = size;
	return bpf_btf_load(a->data, a->size, &a->opts);
}

static const struct field btf_load_fields[] = {
	FIELD(struct bpf_btf_load_opts, log_level, FIELD_U32),
	FIELD(struct bpf_btf_load_opts, log_size, FIELD_U32),
	FIELD_FROM(1, 4, struct bpf_btf_load_opts, btf_flags, FIELD_U32),
	FIELD_FROM(1, 4, struct bpf_btf_load_opts, token_fd, FIELD_FD),
	FIELDS_END,
};

/*** Loads BTF.
@function btf_load
@tparam string btf_data the section's bytes
@tparam ?table opts `log_level`, `log_size` in bytes; libbpf 1.4: `btf_flags`, `token_fd`
@treturn fd
@treturn ?string with `log_level`, the kernel's log
@failslog
@see bpf_btf_load
*/
static int btf_load(lua_State *L)
{
	struct btf_args a = {.opts.sz = sizeof(a.opts)};
	struct load l = {.call = call_btf_load, .args = &a};

	lua_settop(L, 2);
	a.data = luaL_checklstring(L, 1, &a.size);
	field_read(L, 2, btf_load_fields, &a.opts);
	l.log_size = a.opts.log_size;
	l.log_wanted = a.opts.log_level > 0;
	return call_load(L, &l, "btf_load");
}

/* Running -------------------------------------------------------------------------------- */

static const struct field test_run_fields[] = {
	FIELD_BY_MODULE("data_in"),
	FIELD_BY_MODULE("ctx_in"),
	FIELD(struct bpf_test_run_opts, data_size_out, FIELD_U32),
	FIELD(struct bpf_test_run_opts, ctx_size_out, FIELD_U32),
	FIELD(struct bpf_test_run_opts, repeat, FIELD_INT),
	FIELD(struct bpf_test_run_opts, flags, FIELD_RUN_FLAGS),
	FIELD(struct bpf_test_run_opts, cpu, FIELD_U32),
	FIELD(struct bpf_test_run_opts, batch_size, FIELD_U32),
	FIELDS_END,
};

/* How much a packet may grow while a program runs on it. */
#define DATA_GROWS (1 << 16)

/* Copies option NAME to memory that the kernel may write: it returns the context of a syscall
 * program in place. NULL if it is not given.
 */
static void *read_bytes(lua_State *L, int arg, const char *name, __u32 *size)
{
	const char *bytes;
	size_t len = 0;
	void *copy;

	lua_getfield(L, arg, name);
	bytes = lua_tolstring(L, -1, &len);
	if (!bytes && !lua_isnil(L, -1))
		luaL_argerror(L, arg, lua_pushfstring(L, "option '%s' must be a string", name));
	if (!bytes)
		return NULL;
	luaL_argcheck(L, len <= INT32_MAX, arg, "too large");
	copy = compat_newuserdata(L, len + 1);
	memcpy(copy, bytes, len);
	*size = (__u32)len;
	return copy;
}

/* Pushes zeroed memory, since some types of program do not fill it. */
static void *push_zeroed(lua_State *L, uint32_t size)
{
	void *memory;

	if (!size)
		return NULL;
	memory = compat_newuserdata(L, size);
	return memset(memory, 0, size);
}

static bool is_given(lua_State *L, int arg, const char *name)
{
	bool given;

	lua_getfield(L, arg, name);
	given = !lua_isnil(L, -1);
	lua_pop(L, 1);
	return given;
}

static void read_run_opts(lua_State *L, int arg, struct bpf_test_run_opts *opts)
{
	if (lua_isnoneornil(L, arg))
		return;
	field_read(L, arg, test_run_fields, opts);
	opts->data_in = read_bytes(L, arg, "data_in", &opts->data_size_in);
	opts->ctx_in = read_bytes(L, arg, "ctx_in", &opts->ctx_size_in);
	if (opts->data_in && !is_given(L, arg, "data_size_out"))
		opts->data_size_out = opts->data_size_in + DATA_GROWS;
	opts->data_out = push_zeroed(L, opts->data_size_out);
	opts->ctx_out = push_zeroed(L, opts->ctx_size_out);
}

static bool is_syscall(int fd)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == BPF_PROG_TYPE_SYSCALL;
}

/*** Runs a program one or more times on input of the script. Also `program:test_run(opts)`.
@function prog_test_run
@tparam integer|fd|program prog a descriptor, or an object that has one
@tparam ?table opts `data_in` (a packet's bytes), `ctx_in` (the context's bytes, as the program's
type has it), `repeat`, `flags` ("xdp_live_frames": send the frames of an XDP program), `cpu`,
`batch_size`, `data_size_out` (the maximum size of the packet afterwards; by default large enough;
0: no packet), `ctx_size_out` (the same for the context; by default 0)
@treturn table `retval`, `duration` (nanoseconds, average), `data_out`, `ctx_out`; a syscall program
always has `ctx_out`
@fails ENOSPC if an output size is too small, ENOTSUPP (524) if programs of this type cannot be run
@usage local result = assert(object.progs.filter:test_run({data_in = ("\0"):rep(64)}))
print(result.retval, result.duration)
@see bpf_prog_test_run_opts
*/
static int prog_test_run(lua_State *L)
{
	struct bpf_test_run_opts opts = {.sz = sizeof(opts)};
	int fd = value_check_fd(L, 1), ret;

	lua_settop(L, 2);
	read_run_opts(L, 2, &opts);
	ret = bpf_prog_test_run_opts(fd, &opts);
	if (ret)
		return value_fail(L, value_errno(ret), "prog_test_run: descriptor %d", fd);
	lua_newtable(L);
	value_push_u32(L, opts.retval);
	lua_setfield(L, -2, "retval");
	value_push_u32(L, opts.duration);
	lua_setfield(L, -2, "duration");
	if (opts.data_out) {
		lua_pushlstring(L, opts.data_out, opts.data_size_out);
		lua_setfield(L, -2, "data_out");
	}
	if (opts.ctx_out)
		lua_pushlstring(L, opts.ctx_out, opts.ctx_size_out);
	else if (opts.ctx_in && is_syscall(fd))
		lua_pushlstring(L, opts.ctx_in, opts.ctx_size_in);
	else
		lua_pushnil(L);
	lua_setfield(L, -2, "ctx_out");
	return 1;
}

/* Queries -------------------------------------------------------------------------------- */

static const struct field query_fields[] = {
	FIELD(struct bpf_prog_query_opts, query_flags, FIELD_QUERY_FLAGS),
	FIELDS_END,
};

static const struct field answer_fields[] = {
	FIELD(struct bpf_prog_query_opts, attach_flags, FIELD_U32),
	FIELD_FROM(1, 3, struct bpf_prog_query_opts, revision, FIELD_U64),
	FIELDS_END,
};

static bool begins(const char *text, const char *prefix)
{
	return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Sets the list NAME to the first N of VALUES, if the kernel was asked for it. */
static void set_id_list(lua_State *L, const char *name, const __u32 *values, uint32_t n)
{
	if (!values)
		return;
	lua_createtable(L, (int)n, 0);
	for (uint32_t i = 0; i < n; i++) {
		value_push_u32(L, values[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lua_setfield(L, -2, name);
}

/* First guess of how many programs are attached; if there are more, they are counted first. */
#define QUERY_FIRST     64
#define QUERY_LAST      (1 << 20)
#define QUERY_EFFECTIVE 1

static int query_failed(lua_State *L, int err, const struct fd_target *target, const char *type)
{
	if (target->path)
		return value_fail(L, err, "prog_query: '%s', %s", target->path, type ? type : "?");
	return value_fail(L, err, "prog_query: target %d, %s", target->number, type ? type : "?");
}

/*** Returns which programs are attached to a target.
@function prog_query
@tparam integer|fd|string target a descriptor, an object that has one, or a path, of a cgroup, a
 network namespace or a sockmap; for XDP, tcx and netkit the index or name of an interface
@tparam string|integer type "cgroup_inet_ingress"
@tparam ?table opts `query_flags`: "effective": include programs that are effective here because
they are attached to a parent
@treturn table `prog_ids`: a list; `attach_flags`; for cgroups, from Linux 6.0,
`prog_attach_flags`, a list of the same length; for tcx and netkit also `link_ids`,
`link_attach_flags` and, with libbpf 1.3, `revision`
@fails
@see bpf_prog_query_opts
*/
static int prog_query(lua_State *L)
{
	bool asks_flags = true;
	uint32_t capacity = QUERY_FIRST;
	struct fd_target target;
	int type, ret, err;
	const char *name;

	lua_settop(L, 3);
	type = enum_check(L, 2, &enum_attach_type);
	name = enum_attach_type.name(type);
	if (!attach_check_target(L, 1, type, &target, "prog_query"))
		return 3;
	for (;;) {
		struct bpf_prog_query_opts opts = {.sz = sizeof(opts)};
		__u32 *ids;

		lua_settop(L, 3);
		field_read(L, 3, query_fields, &opts);
		ids = compat_newuserdata(L, 4 * (size_t)capacity * sizeof(*ids));
		memset(ids, 0, 4 * (size_t)capacity * sizeof(*ids));
		opts.prog_ids = ids;
		opts.prog_cnt = capacity;
		if (asks_flags && begins(name, "cgroup") && !(opts.query_flags & QUERY_EFFECTIVE))
			opts.prog_attach_flags = ids + capacity;
#if LBPF_HEADERS(1, 3)
		if (compat_libbpf(1, 3) && (begins(name, "tcx") || begins(name, "netkit"))) {
			opts.prog_attach_flags = ids + capacity;
			opts.link_ids = ids + 2 * (size_t)capacity;
			opts.link_attach_flags = ids + 3 * (size_t)capacity;
		}
#endif
		ret = -1;
		if (fd_target_open(&target))
			ret = bpf_prog_query_opts(target.number, (enum bpf_attach_type)type, &opts);
		err = ret ? errno : 0;
		fd_target_close(&target);
		if (err == ENOSPC && capacity < QUERY_LAST) {
			capacity = opts.prog_cnt > capacity && opts.prog_cnt < QUERY_LAST
					   ? opts.prog_cnt
					   : 2 * capacity;
			continue;
		}
		if (err == EINVAL && asks_flags && begins(name, "cgroup")) {
			asks_flags = false; /* each program's came with Linux 6.0 */
			continue;
		}
		if (err)
			return query_failed(L, err, &target, name);
		lua_newtable(L);
		field_push_all(L, answer_fields, &opts, sizeof(opts));
		capacity = opts.prog_cnt < capacity ? opts.prog_cnt : capacity;
		set_id_list(L, "prog_ids", opts.prog_ids, capacity);
		set_id_list(L, "prog_attach_flags", opts.prog_attach_flags, capacity);
#if LBPF_HEADERS(1, 3)
		set_id_list(L, "link_ids", opts.link_ids, capacity);
		set_id_list(L, "link_attach_flags", opts.link_attach_flags, capacity);
#endif
		return 1;
	}
}

static const struct field bind_fields[] = {
	FIELD(struct bpf_prog_bind_opts, flags, FIELD_U32),
	FIELDS_END,
};

/*** Makes a program keep a map that it does not use, for example one with metadata. Also
`program:bind_map(map, opts)`.
@function prog_bind_map
@tparam integer|fd|program prog
@tparam integer|fd|map map
@tparam ?table opts `flags`
@treturn integer|fd|program the first argument
@fails
@see bpf_prog_bind_map
*/
static int prog_bind_map(lua_State *L)
{
	struct bpf_prog_bind_opts opts = {.sz = sizeof(opts)};
	int prog = value_check_fd(L, 1), map = value_check_fd(L, 2), ret;

	field_read(L, 3, bind_fields, &opts);
	ret = bpf_prog_bind_map(prog, map, &opts);
	if (ret)
		return value_fail(L, value_errno(ret), "prog_bind_map: program %d, map %d", prog,
				  map);
	lua_settop(L, 1);
	return 1;
}

void progfd_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"prog_load", prog_load},         {"btf_load", btf_load},
		{"prog_test_run", prog_test_run}, {"prog_query", prog_query},
		{"prog_bind_map", prog_bind_map}, {NULL, NULL},
	};
	static const luaL_Reg methods[] = {
		{"test_run", prog_test_run},
		{"bind_map", prog_bind_map},
		{"clone", program_clone},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
	program_add_methods(L, methods);
}
