/* Attaching to kernel functions: kprobe, kprobe_multi, ksyscall. */
#include "attach/attach.h"

#include "attach/attempt.h"
#include "base/field.h"
#include "base/list.h"
#include "base/value.h"
#include "check/ksyms.h"
#include "object/program.h"
#include <errno.h>
#include <stdlib.h>

/*** @module lbpf */
/*** Attaching to kernel functions
@section attaching_kernel
*/

static const struct field kprobe_fields[] = {
	FIELD(struct bpf_kprobe_opts, bpf_cookie, FIELD_U64),
	FIELD(struct bpf_kprobe_opts, offset, FIELD_SIZE),
	FIELD(struct bpf_kprobe_opts, retprobe, FIELD_BOOL),
	FIELD_FROM(1, 2, struct bpf_kprobe_opts, attach_mode, FIELD_INT),
	FIELDS_END,
};

/*** Attaches to the entry or the return of a kernel function.
@function program:attach_kprobe
@tparam string func_name
@tparam ?table opts `retprobe` (boolean), `bpf_cookie` (64 bits, for bpf_get_attach_cookie),
 `offset` into the function, `attach_mode` (0: best, 1: legacy, 2: perf, 3: link)
@treturn link
@failslog
@needs kprobes
@usage assert(object.progs.probe:attach_kprobe("do_nanosleep", {retprobe = true}))
@see bpf_program__attach_kprobe_opts
*/
static int attach_kprobe(lua_State *L)
{
	struct bpf_kprobe_opts opts = {.sz = sizeof(opts)};
	struct attempt a;
	const char *function;
	struct bpf_link *link;

	attempt_check(L, &a);
	function = luaL_checkstring(L, 2);
	field_read(L, 3, kprobe_fields, &opts);
	attempt_begin(L, &a);
	link = bpf_program__attach_kprobe_opts(a.prog, function, &opts);
	return attempt_finish(L, &a, link, "attach_kprobe", function);
}

static const struct field ksyscall_fields[] = {
	FIELD(struct bpf_ksyscall_opts, bpf_cookie, FIELD_U64),
	FIELD(struct bpf_ksyscall_opts, retprobe, FIELD_BOOL),
	FIELDS_END,
};

/*** Attaches to the entry or the return of a system call, for the architecture's name of its
function.
@function program:attach_ksyscall
@tparam string syscall_name "nanosleep"
@tparam ?table opts `retprobe` (boolean), `bpf_cookie` (64 bits)
@treturn link
@failslog
@needs kprobes
@usage assert(object.progs.probe:attach_ksyscall("nanosleep"))
@see bpf_program__attach_ksyscall
*/
static int attach_ksyscall(lua_State *L)
{
	struct bpf_ksyscall_opts opts = {.sz = sizeof(opts)};
	struct attempt a;
	const char *syscall;
	struct bpf_link *link;

	attempt_check(L, &a);
	syscall = luaL_checkstring(L, 2);
	field_read(L, 3, ksyscall_fields, &opts);
	attempt_begin(L, &a);
	link = bpf_program__attach_ksyscall(a.prog, syscall, &opts);
	return attempt_finish(L, &a, link, "attach_ksyscall", syscall);
}

/* kprobe_multi ----------------------------------------------------------------------------- */

static const struct field kprobe_multi_fields[] = {
	FIELD_BY_MODULE("syms"),
	FIELD_BY_MODULE("addrs"),
	FIELD_BY_MODULE("cookies"),
	FIELD(struct bpf_kprobe_multi_opts, retprobe, FIELD_BOOL),
	FIELD_FROM(1, 5, struct bpf_kprobe_multi_opts, session, FIELD_BOOL),
	FIELD_BY_MODULE("unique_match"), /* lbpf counts the matches, since older libbpf cannot */
	FIELDS_END,
};

/*** Attaches to many kernel functions in one call. The program must be SEC("kprobe.multi"), or
SEC("kprobe.session") for sessions.
@function program:attach_kprobe_multi
@tparam ?string pattern of function names, with * and ?; nil if syms or addrs are given
@tparam ?table opts `syms`: a list of names, or `addrs`: a list of addresses; `cookies`: a list of
64-bit integers of the same length; `retprobe` (boolean); `session` (boolean): entry and return,
libbpf 1.5; `unique_match` (boolean): fail unless the pattern matches exactly one function
@treturn link
@failslog
@needs kprobe_multi
@usage assert(object.progs.multi:attach_kprobe_multi("vfs_*"))
@see bpf_program__attach_kprobe_multi_opts
*/
static int attach_kprobe_multi(lua_State *L)
{
	struct bpf_kprobe_multi_opts opts = {.sz = sizeof(opts)};
	const char *pattern;
	unsigned long *found = NULL;
	bool unique = false;
	struct bpf_link *link;
	struct attempt a;
	int err = 0;

	lua_settop(L, 3);
	attempt_check(L, &a);
	pattern = luaL_optstring(L, 2, NULL);
	field_read(L, 3, kprobe_multi_fields, &opts);
	if (!lua_isnil(L, 3)) {
		lua_getfield(L, 3, "unique_match");
		luaL_argcheck(L, lua_isnil(L, -1) || lua_isboolean(L, -1), 3,
			      "option 'unique_match' must be a boolean");
		unique = lua_toboolean(L, -1);
		opts.syms = list_strings(L, 3, "syms", &opts.cnt);
		opts.addrs = (const unsigned long *)list_u64(L, 3, "addrs", &opts.cnt);
		opts.cookies = (const __u64 *)list_u64(L, 3, "cookies", &opts.cnt);
	}
	luaL_argcheck(L, (pattern != NULL) + (opts.syms != NULL) + (opts.addrs != NULL) == 1, 2,
		      "expected exactly one of a pattern, option 'syms' and option 'addrs'");
	luaL_argcheck(L, !(pattern && opts.cookies), 3,
		      "option 'cookies' can be used with 'syms' or 'addrs', not with a pattern");
	luaL_argcheck(L, !(unique && !pattern), 3, "option 'unique_match' needs a pattern");

	attempt_begin(L, &a);
#if LBPF_HEADERS(1, 6)
	if (compat_libbpf(1, 6))
		opts.unique_match = unique;
	unique = unique && !opts.unique_match;
#endif
	/* libbpf before 1.3 takes every symbol for a function; before 1.6 it cannot count matches
	 */
	if (pattern && (unique || !compat_libbpf(1, 3))) {
		err = ksyms_resolve(pattern, &found, &opts.cnt);
		if (!err && unique && opts.cnt != 1) {
			frame_leave(&a.frame);
			free(found);
			lua_pushnil(L);
			lua_pushfstring(L,
					"attach_kprobe_multi: %d functions match '%s', "
					"unique_match wants one (EINVAL)",
					(int)opts.cnt, pattern);
			lua_pushinteger(L, EINVAL);
			return 3;
		}
		opts.addrs = found;
	}
	link = err ? NULL
		   : bpf_program__attach_kprobe_multi_opts(a.prog, found ? NULL : pattern, &opts);
	if (err)
		errno = -err;
	else
		err = -value_pointer_error(link);
	free(found);
	errno = -err;
	return attempt_finish(L, &a, err ? NULL : link, "attach_kprobe_multi", pattern);
}

void attach_kernel_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"attach_kprobe", attach_kprobe},
		{"attach_kprobe_multi", attach_kprobe_multi},
		{"attach_ksyscall", attach_ksyscall},
		{NULL, NULL},
	};

	program_add_methods(L, methods);
}
