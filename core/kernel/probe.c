#include "kernel/probe.h"

#include "base/enum.h"
#include "base/frame.h"
#include "base/value.h"
#include <bpf/bpf.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** The library and the machine
@section library
@usage print(lbpf.version_string(), lbpf.major_version(), lbpf.minor_version())
print(lbpf.num_possible_cpus())
print(lbpf.probe_bpf_map_type("ringbuf"), lbpf.probe_bpf_helper("kprobe", "get_stackid"))
*/

#if LBPF_HEADERS(1, 4)
#pragma weak libbpf_set_memlock_rlim
#endif

/* Features of newer libbpf. BUILT: this build's headers have them. */
static const struct feature {
	const char *name;
	unsigned major, minor;
	bool built;
} features[] = {
	{"btf_dump.emit_strings", 1, 6, LBPF_HEADERS(1, 6)},
	{"btf_new_empty.add_layout", 1, 8, true}, /* declared in base/newer.h */
	{"cgroup.opts", 1, 6, LBPF_HEADERS(1, 6)},
	{"kprobe.attach_mode", 1, 2, LBPF_HEADERS(1, 2)},
	{"kprobe_multi.session", 1, 5, LBPF_HEADERS(1, 5)},
	{"kprobe_multi.unique_match", 1, 1, true}, /* lbpf counts the matches */
	{"link.update_map", 1, 2, LBPF_HEADERS(1, 2)},
	{"netfilter", 1, 3, LBPF_HEADERS(1, 3)},
	{"netkit", 1, 3, LBPF_HEADERS(1, 3)},
	{"open.bpf_token_path", 1, 4, LBPF_HEADERS(1, 4)},
	{"perf_event.dont_enable", 1, 7, LBPF_HEADERS(1, 7)},
	{"prog_detach.opts", 1, 3, LBPF_HEADERS(1, 3)},
	{"raw_tracepoint.cookie", 1, 4, LBPF_HEADERS(1, 4)},
	{"set_memlock_rlim", 1, 4, LBPF_HEADERS(1, 4)},
	{"object.unpin", 1, 3, LBPF_HEADERS(1, 3)},
	{"object.token_fd", 1, 5, LBPF_HEADERS(1, 5)},
	{"object.prepare", 1, 6, true},
	{"gen_loader.gen_hash", 1, 7, LBPF_HEADERS(1, 7)},
	{"program.clone", 1, 8, true},
	{"program.func_info", 1, 6, LBPF_HEADERS(1, 6)},
	{"program.line_info", 1, 6, LBPF_HEADERS(1, 6)},
	{"program.assoc_struct_ops", 1, 7, LBPF_HEADERS(1, 7)},
	{"map.set_value_size.globals", 1, 3, true}, /* no new symbol */
	{"map.autoattach", 1, 5, LBPF_HEADERS(1, 5)},
	{"map.exclusive_program", 1, 7, LBPF_HEADERS(1, 7)},
	{"sockmap", 1, 5, LBPF_HEADERS(1, 5)},
	{"tc_hook.qdisc", 1, 6, LBPF_HEADERS(1, 6)},
	{"tcx", 1, 3, LBPF_HEADERS(1, 3)},
	{"tracing_multi", 1, 8, true},
	{"uprobe_multi", 1, 3, LBPF_HEADERS(1, 3)},
	{"uprobe_multi.session", 1, 6, LBPF_HEADERS(1, 6)},
	{"ring.consume", 1, 3, LBPF_HEADERS(1, 3)},
};

static int unknown_feature(lua_State *L)
{
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	luaL_addstring(&b, "no such feature; expected one of: ");
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		luaL_addstring(&b, i ? ", " : "");
		luaL_addstring(&b, features[i].name);
	}
	luaL_pushresult(&b);
	return luaL_argerror(L, 1, lua_tostring(L, -1));
}

/*** Does lbpf have a feature that came after libbpf 1.1, with this build and this libbpf?
@function has
@tparam string feature an option or a function, "kprobe_multi.session" or "object.prepare"; the
error for an unknown name lists all
@treturn boolean
@raise if there is no such feature
@usage if lbpf.has("kprobe_multi.session") then
  print("sessions can be attached")
end
@see version_string
*/
static int has(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		const struct feature *f = &features[i];

		if (strcmp(f->name, name) == 0) {
			lua_pushboolean(L, f->built && compat_libbpf(f->major, f->minor));
			return 1;
		}
	}
	return unknown_feature(L);
}

/*** The version of the libbpf that this process runs with.
@function version_string
@treturn string "v1.1"
@see libbpf_version_string
*/
static int version_string(lua_State *L)
{
	lua_pushstring(L, libbpf_version_string());
	return 1;
}

/*** Its major version.
@function major_version
@treturn integer
@see libbpf_major_version
*/
static int major_version(lua_State *L)
{
	lua_pushinteger(L, libbpf_major_version());
	return 1;
}

/*** Its minor version.
@function minor_version
@treturn integer
@see libbpf_minor_version
*/
static int minor_version(lua_State *L)
{
	lua_pushinteger(L, libbpf_minor_version());
	return 1;
}

/* What the kernel supports ---------------------------------------------------------------- */

/* Ends a probe inside F: pushes true or false; or nil, message, errno, log if it failed. */
static int answer(lua_State *L, struct frame *f, int ret, const char *probe)
{
	frame_leave(f);
	if (ret < 0)
		return value_fail_logged(L, f, value_errno(ret), "%s", probe);
	lua_pushboolean(L, ret);
	return 1;
}

/*** Does the kernel support programs of this type? This is tried; without privileges the result is
false.
@function probe_bpf_prog_type
@tparam string|integer prog_type "kprobe"
@treturn boolean
@failslog
@usage if not lbpf.probe_bpf_prog_type("lsm") then
  print("the kernel does not support LSM programs")
end
@see libbpf_probe_bpf_prog_type
*/
static int probe_bpf_prog_type(lua_State *L)
{
	enum bpf_prog_type type = (enum bpf_prog_type)enum_check(L, 1, &enum_prog_type);
	struct frame f;

	frame_enter(L, &f, NULL, 0);
	return answer(L, &f, libbpf_probe_bpf_prog_type(type, NULL), "probe_bpf_prog_type");
}

/*** Does the kernel support maps of this type? This is tried; without privileges the result is
false.
@function probe_bpf_map_type
@tparam string|integer map_type "ringbuf"
@treturn boolean
@failslog
@see libbpf_probe_bpf_map_type
*/
static int probe_bpf_map_type(lua_State *L)
{
	enum bpf_map_type type = (enum bpf_map_type)enum_check(L, 1, &enum_map_type);
	struct frame f;

	frame_enter(L, &f, NULL, 0);
	return answer(L, &f, libbpf_probe_bpf_map_type(type, NULL), "probe_bpf_map_type");
}

/* The helper at ARG: a number, or its name with or without "bpf_". */
static enum bpf_func_id check_helper(lua_State *L, int arg)
{
#define HELPER_NAME(name) #name
	static const char *const names[] = {__BPF_FUNC_MAPPER(HELPER_NAME)};
#undef HELPER_NAME
	const char *name;

	if (lua_type(L, arg) != LUA_TSTRING)
		return (enum bpf_func_id)value_check_int(L, arg, 0, INT32_MAX);
	name = lua_tostring(L, arg);
	if (strncmp(name, "bpf_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return (enum bpf_func_id)i;
	luaL_argerror(L, arg, "not the name of a helper that this build knows");
	return 0;
}

/* Kernels from 6.10 on have another message, which libbpf before 1.5 does not recognise. */
static bool is_refused(enum bpf_prog_type type, enum bpf_func_id helper)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = (int)helper},
		{.code = BPF_JMP | BPF_EXIT},
	};
	char log[4096] = "";
	struct bpf_prog_load_opts opts = {.sz = sizeof(opts), .log_buf = log, .log_level = 1};
	int fd;

	opts.log_size = sizeof(log);
	fd = bpf_prog_load(type, NULL, "GPL", insns, 2, &opts);
	if (fd >= 0)
		close(fd);
	return strstr(log, "program of this type cannot use helper ");
}

/*** Does the kernel let programs of this type call this helper? This is tried; without privileges
the result is false.
@function probe_bpf_helper
@tparam string|integer prog_type "kprobe"
@tparam string|integer helper "bpf_ringbuf_output", or its number, 0 to 2^31 - 1
@treturn boolean
@failslog EOPNOTSUPP for "tracing", "ext", "lsm" and "struct_ops", which cannot be tried
@see libbpf_probe_bpf_helper
*/
static int probe_bpf_helper(lua_State *L)
{
	enum bpf_prog_type type = (enum bpf_prog_type)enum_check(L, 1, &enum_prog_type);
	enum bpf_func_id helper = check_helper(L, 2);
	struct frame f;
	int ret;

	frame_enter(L, &f, NULL, 0);
	ret = libbpf_probe_bpf_helper(type, helper, NULL);
	if (ret == 1 && !compat_libbpf(1, 5) && is_refused(type, helper))
		ret = 0;
	return answer(L, &f, ret, "probe_bpf_helper");
}

/*** Sets RLIMIT_MEMLOCK of this process, which limits BPF memory in kernels before 5.11. Without
this call, libbpf removes the limit at the first load.
@function set_memlock_rlim
@tparam integer memlock_bytes 0: do not change the limit
@treturn boolean true
@fails EBUSY if a load has removed the limit already, EOPNOTSUPP before libbpf 1.4
@needs libbpf 1.4
@usage assert(lbpf.set_memlock_rlim(64 * 1024 * 1024)) -- before the first object is loaded
@see libbpf_set_memlock_rlim
*/
static int set_memlock_rlim(lua_State *L)
{
	size_t bytes = (size_t)value_check_int(L, 1, 0, INT64_MAX);

#if LBPF_HEADERS(1, 4)
	if (compat_libbpf(1, 4)) {
		int ret = libbpf_set_memlock_rlim(bytes);

		return value_result(L, ret ? value_errno(ret) : 0, "set_memlock_rlim");
	}
#endif
	(void)bytes; /* declared since libbpf 0.7, but not exported before 1.4 */
	return value_needs_libbpf(L, "set_memlock_rlim", 1, 4);
}

/* This machine and process ----------------------------------------------------------------- */

/*** How many CPUs the machine can have; per-CPU values have that many elements.
@function num_possible_cpus
@treturn integer
@fails
@see libbpf_num_possible_cpus
*/
static int num_possible_cpus(lua_State *L)
{
	int n = libbpf_num_possible_cpus();

	if (n < 0)
		return value_fail(L, value_errno(n), "num_possible_cpus");
	lua_pushinteger(L, n);
	return 1;
}

/*** The message for an error number, including libbpf's own from 4000 on.
@function strerror
@tparam integer errno 1 to 2^31 - 1
@treturn string "No such file or directory"
@usage print(lbpf.strerror(2))
@see libbpf_strerror
*/
static int lbpf_strerror(lua_State *L)
{
	int err = (int)value_check_int(L, 1, 1, INT32_MAX);
	char text[256];

	libbpf_strerror(err, text, sizeof(text));
	lua_pushstring(L, text);
	return 1;
}

void probe_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"has", has},
		{"version_string", version_string},
		{"major_version", major_version},
		{"minor_version", minor_version},
		{"probe_bpf_prog_type", probe_bpf_prog_type},
		{"probe_bpf_map_type", probe_bpf_map_type},
		{"probe_bpf_helper", probe_bpf_helper},
		{"set_memlock_rlim", set_memlock_rlim},
		{"num_possible_cpus", num_possible_cpus},
		{"strerror", lbpf_strerror},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}
