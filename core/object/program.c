#include "object/program.h"

#include "base/bind.h"
#include "base/enum.h"
#include "base/flags.h"
#include "base/frame.h"
#include "base/value.h"
#include "object/loadopts.h"
#include "object/object.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/*** @module lbpf */
/*** Programs
@section programs
@usage for prog in object:each_program() do
  print(prog:name(), prog:section_name(), prog:type(), prog:expected_attach_type())
  print(prog:flags(), prog:autoload(), prog:autoattach(), prog:log_level())
  print(prog:insn_cnt(), #prog:insns())
end
print(object.progs.enter:fd())

local changed = assert(lbpf.open("trace.bpf.o", {kernel_log_level = 1}))
local prog = changed.progs.filter -- before the load its properties can be changed
assert(prog:set_type("sched_cls") and prog:set_expected_attach_type("cgroup_inet_ingress"))
assert(prog:set_flags(0) and prog:set_autoattach(false) and prog:set_ifindex(0))
assert(prog:set_log_level(1) and prog:set_log_buf(65536))
assert(changed:load())
print(prog:log_buf())
*/

static const char PROGRAM[] = "lbpf.program";

struct program {
	struct bpf_program *prog;
	struct owner *owner;
};

void program_push(lua_State *L, struct owner *owner, struct bpf_program *prog, int env)
{
	struct program *p;

	env = lua_absindex(L, env);
	compat_rawgetp(L, env, prog);
	if (!lua_isnil(L, -1))
		return;
	lua_pop(L, 1);
	p = class_push(L, PROGRAM, sizeof(*p), env);
	p->prog = prog;
	p->owner = owner_ref(owner);
	lua_pushvalue(L, -1);
	compat_rawsetp(L, env, prog);
}

struct bpf_program *program_check(lua_State *L, int arg, struct owner **owner)
{
	struct program *p = class_check(L, arg, PROGRAM);

	owner_check(L, p->owner);
	if (owner)
		*owner = p->owner;
	return p->prog;
}

struct bpf_program *program_check_of(lua_State *L, int arg, const struct owner *owner)
{
	struct owner *of;
	struct bpf_program *prog = program_check(L, arg, &of);

	luaL_argcheck(L, of == owner, arg, "the program belongs to another object");
	return prog;
}

struct bpf_program *program_check_loaded(lua_State *L, int arg, struct owner **owner)
{
	struct owner *of;
	struct bpf_program *prog = program_check(L, arg, &of);

	if (bpf_program__fd(prog) < 0)
		luaL_error(L, "program '%s' is not loaded%s", bpf_program__name(prog),
			   !object_is_loaded(of)         ? ""
			   : bpf_program__autoload(prog) ? ": it was unloaded"
							 : ": its autoload is off");
	if (owner)
		*owner = of;
	return prog;
}

static int program_gc(lua_State *L)
{
	struct program *p = class_retire(L, PROGRAM);

	owner_unref(p->owner);
	return 0;
}

static int program_tostring(lua_State *L)
{
	struct program *p = class_check(L, 1, PROGRAM);

	if (p->owner->closed)
		lua_pushfstring(L, "lbpf.program (object '%s' is closed)", p->owner->name);
	else
		lua_pushfstring(L, "lbpf.program: %s SEC(\"%s\")", bpf_program__name(p->prog),
				bpf_program__section_name(p->prog));
	return 1;
}

/* For setters: the program of an object that has not been loaded. libbpf checks this only for some
 * properties.
 */
static struct bpf_program *check_unloaded(lua_State *L)
{
	struct owner *owner;
	struct bpf_program *prog = program_check(L, 1, &owner);

	if (object_is_loading_over(owner))
		luaL_error(L, "program '%s': too late, object '%s' has been loaded",
			   bpf_program__name(prog), owner->name);
	return prog;
}

/* The same for a bound call. */
static struct bpf_program *check_settable(lua_State *L, struct bound *b)
{
	struct bpf_program *prog = check_unloaded(L);

	program_check(L, 1, &b->owner);
	b->kind = "program";
	b->name = bpf_program__name(prog);
	return prog;
}

/* Ends a setter: pushes the program itself, or what libbpf refused. */
static int program_done(lua_State *L, int ret, const struct bpf_program *prog, const char *setter)
{
	if (ret)
		return value_fail(L, value_errno(ret), "%s: program '%s'", setter,
				  bpf_program__name(prog));
	lua_settop(L, 1);
	return 1;
}

static struct bpf_program *this_program(lua_State *L)
{
	return program_check(L, 1, NULL);
}

static void push_prog_type(lua_State *L, enum bpf_prog_type type)
{
	enum_push(L, (int)type, &enum_prog_type);
}

static void push_attach_type(lua_State *L, enum bpf_attach_type type)
{
	enum_push(L, (int)type, &enum_attach_type);
}

static enum bpf_attach_type read_attach_type(lua_State *L, int arg)
{
	return (enum bpf_attach_type)enum_check(L, arg, &enum_attach_type);
}

/* Properties ----------------------------------------------------------------------------- */

/*** The name of the program's C function.
@function program:name
@treturn string
@see bpf_program__name
*/
BIND_GETTER(program_name, this_program, bpf_program__name, lua_pushstring)

/*** The program's section.
@function program:section_name
@treturn string
@see bpf_program__section_name
*/
BIND_GETTER(program_section_name, this_program, bpf_program__section_name, lua_pushstring)

/*** The program's type.
@function program:type
@treturn string|integer "kprobe"; a number where libbpf has no name for it
@see bpf_program__type
*/
BIND_GETTER(program_type, this_program, bpf_program__type, push_prog_type)

/*** Changes the type. In libbpf 1.3 and newer this removes libbpf's own handler of the section from
the program, and a script's handler that overrides libbpf's.
@function program:set_type
@tparam string|integer type "kprobe"
@treturn program itself
@raise if its object has been loaded
@see bpf_program__set_type
*/
static int program_set_type(lua_State *L)
{
	struct bpf_program *prog = check_unloaded(L);
	enum bpf_prog_type type = (enum bpf_prog_type)enum_check(L, 2, &enum_prog_type);

	/* libbpf would take it for part of a struct_ops map, and follow a NULL pointer */
	luaL_argcheck(L,
		      (type == BPF_PROG_TYPE_STRUCT_OPS) ==
			      (bpf_program__type(prog) == BPF_PROG_TYPE_STRUCT_OPS),
		      2, "the type struct_ops cannot be set or changed");
	return program_done(L, bpf_program__set_type(prog, type), prog, "set_type");
}

/*** The attach type for which the program is loaded.
@function program:expected_attach_type
@treturn string|integer "trace_kprobe_multi"
@see bpf_program__expected_attach_type
*/
BIND_GETTER(program_expected_attach_type, this_program, bpf_program__expected_attach_type,
	    push_attach_type)

/*** Changes the attach type.
@function program:set_expected_attach_type
@tparam string|integer type "trace_kprobe_multi"
@treturn program itself
@raise if its object has been loaded
@see bpf_program__set_expected_attach_type
*/
BIND_SETTER(program_set_expected_attach_type, bpf_program__set_expected_attach_type,
	    struct bpf_program, check_settable, enum bpf_attach_type, read_attach_type)

/*** The flags with which the program is loaded.
@function program:flags
@treturn integer BPF_F_... bits
@see bpf_program__flags
*/
BIND_GETTER(program_flags, this_program, bpf_program__flags, value_push_u32)

static uint32_t check_prog_flags(lua_State *L, int arg)
{
	luaL_argcheck(L, !lua_isnoneornil(L, arg), arg, "expected flags");
	return flags_check(L, arg, flags_prog);
}

/*** Changes the flags.
@function program:set_flags
@tparam integer|string|table flags BPF_F_... bits; a name, "sleepable", or a list of names
@treturn program itself
@raise if its object has been loaded
@see bpf_program__set_flags
*/
BIND_SETTER(program_set_flags, bpf_program__set_flags, struct bpf_program, check_settable, uint32_t,
	    check_prog_flags)

/*** Will the program be loaded with its object?
@function program:autoload
@treturn boolean
@see bpf_program__autoload
*/
BIND_GETTER(program_autoload, this_program, bpf_program__autoload, lua_pushboolean)

/* The program at 1, unless it is to be loaded after all though libbpf has prepared the object
 * without it: libbpf would follow a NULL pointer.
 */
static struct bpf_program *check_autoload(lua_State *L, struct bound *b)
{
	struct bpf_program *prog = check_settable(L, b);

	if (object_is_prepared(b->owner) && lua_toboolean(L, 2) && !bpf_program__autoload(prog))
		luaL_error(L, "program '%s': too late, object '%s' has been prepared without it",
			   b->name, b->owner->name);
	return prog;
}

/*** Sets whether the program will be loaded with its object.
@function program:set_autoload
@tparam boolean autoload
@treturn program itself
@raise if its object has been loaded; for true, if its object has been prepared
@usage local object = assert(lbpf.open("trace.bpf.o"))
object.progs.leave:set_autoload(false)
assert(object:load())
@see bpf_program__set_autoload
*/
BIND_SETTER(program_set_autoload, bpf_program__set_autoload, struct bpf_program, check_autoload,
	    bool, bind_bool)

/*** Will `object:attach` attach the program?
@function program:autoattach
@treturn boolean
@see bpf_program__autoattach
*/
BIND_GETTER(program_autoattach, this_program, bpf_program__autoattach, lua_pushboolean)

/*** Sets whether `object:attach` will attach the program.
@function program:set_autoattach
@tparam boolean autoattach
@treturn program itself
@see bpf_program__set_autoattach
*/
static int program_set_autoattach(lua_State *L)
{
	struct bpf_program *prog = program_check(L, 1, NULL);

	luaL_checktype(L, 2, LUA_TBOOLEAN);
	bpf_program__set_autoattach(prog, lua_toboolean(L, 2));
	return program_done(L, 0, prog, "set_autoattach");
}

/*** Offloads the program to a network device.
@function program:set_ifindex
@tparam integer ifindex 0 to 2^32 - 1
@treturn program itself
@raise if its object has been loaded
@see bpf_program__set_ifindex
*/
static int program_set_ifindex(lua_State *L)
{
	struct bpf_program *prog = check_unloaded(L);

	bpf_program__set_ifindex(prog, (uint32_t)value_check_int(L, 2, 0, UINT32_MAX));
	return program_done(L, 0, prog, "set_ifindex");
}

/*** Sets the function of the kernel or of another BPF program to which a tracing program attaches.
@function program:set_attach_target
@tparam ?program|integer attach_prog_fd the program with the function, or its descriptor, which is
 duplicated; nil or 0: the kernel
@tparam ?string attach_func_name nil: as the section says, if the target is a program
@treturn program itself
@failslog
@raise if its object has been loaded
@needs trampolines
@usage local tracing = assert(lbpf.open("tracing.bpf.o"))
for prog in tracing:each_program() do
  prog:set_autoload(false)
end
assert(tracing.progs.on_entry:set_attach_target(nil, "do_nanosleep"))
@see bpf_program__set_attach_target
*/
static int program_set_attach_target(lua_State *L)
{
	struct bpf_program *prog = check_unloaded(L);
	int fd = lua_isnoneornil(L, 2) ? 0 : value_check_fd(L, 2), *kept, err;
	const char *function = luaL_optstring(L, 3, NULL);
	struct owner *owner;
	struct frame f;

	luaL_argcheck(L, fd || function, 3, "expected a function of the kernel");
	program_check(L, 1, &owner);
	if (fd) {
		kept = object_alloc_fd(L, owner); /* libbpf keeps only the number */
		fd = *kept = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return program_done(L, -errno, prog, "set_attach_target");
	}
	frame_enter(L, &f, owner, 0);
	err = bpf_program__set_attach_target(prog, fd, function);
	if (err)
		err = value_errno(err);
	frame_leave(&f);
	if (err)
		return value_fail_logged(L, &f, err, "set_attach_target: program '%s'%s%s%s",
					 bpf_program__name(prog), function ? " to '" : "",
					 function ? function : "", function ? "'" : "");
	lua_settop(L, 1);
	return 1;
}

/*** The program's file descriptor. The object owns it.
@function program:fd
@treturn integer
@raise if it is not loaded
@see bpf_program__fd
*/
static int program_fd(lua_State *L)
{
	lua_pushinteger(L, bpf_program__fd(program_check_loaded(L, 1, NULL)));
	return 1;
}

/* Instructions --------------------------------------------------------------------------- */

/*** How many instructions the program has.
@function program:insn_cnt
@treturn integer
@see bpf_program__insn_cnt
*/
static int program_insn_cnt(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)bpf_program__insn_cnt(program_check(L, 1, NULL)));
	return 1;
}

/*** A copy of the program's instructions, as struct bpf_insn of 8 bytes each.
@function program:insns
@treturn string
@see bpf_program__insns
*/
static int program_insns(lua_State *L)
{
	const struct bpf_program *prog = program_check(L, 1, NULL);
	const void *insns = bpf_program__insns(prog);

	lua_pushlstring(L, insns ? insns : "",
			insns ? bpf_program__insn_cnt(prog) * sizeof(struct bpf_insn) : 0);
	return 1;
}

/*** Replaces the program's instructions, in its own prog_prepare_load_fn. libbpf has relocated them
by then; if they changed earlier, it would write beyond their end.
@function program:set_insns
@tparam string insns struct bpf_insn of 8 bytes each, 1 to 1,000,000 of them
@treturn program itself
@raise outside of the program's own prog_prepare_load_fn
@usage local id = lbpf.register_prog_handler("raw_tracepoint/sys_exit", "raw_tracepoint", nil, {
  prog_prepare_load_fn = function(prog)
    prog:set_insns(prog:insns():sub(-16)) -- the last two: return a number
  end,
})
local short = assert(lbpf.open("trace.bpf.o"))
assert(lbpf.unregister_prog_handler(id))
@see bpf_program__set_insns
*/
static int program_set_insns(lua_State *L)
{
	struct bpf_program *prog = check_unloaded(L);
	size_t size, n;
	const char *insns = luaL_checklstring(L, 2, &size);

	n = size / sizeof(struct bpf_insn);
	luaL_argcheck(L, size % sizeof(struct bpf_insn) == 0 && n >= 1 && n <= PROGRAM_INSNS_MAX, 2,
		      "expected 1 to 1,000,000 instructions of 8 bytes");
	if (!load_scope_is(prog))
		return luaL_error(
			L, "program '%s': set_insns() must be called in its prog_prepare_load_fn",
			bpf_program__name(prog));
	return program_done(L, bpf_program__set_insns(prog, (struct bpf_insn *)insns, n), prog,
			    "set_insns");
}

/* The verifier's log --------------------------------------------------------------------- */

/*** The verbosity of the verifier's log.
@function program:log_level
@treturn integer
@see bpf_program__log_level
*/
BIND_GETTER(program_log_level, this_program, bpf_program__log_level, value_push_u32)

/*** Sets the verbosity of the verifier's log.
@function program:set_log_level
@tparam integer level 0: nothing unless the load fails; 1: jumps; 2: all; 4: statistics
@treturn program itself
@raise if its object has been loaded
@see bpf_program__set_log_level
*/
BIND_SETTER(program_set_log_level, bpf_program__set_log_level, struct bpf_program, check_settable,
	    uint32_t, bind_u32)

/*** Keeps the verifier's log of this program, for `program:log_buf`.
@function program:set_log_buf
@tparam integer size of the buffer in bytes, 128 to 2^28
@treturn program itself
@raise if its object has been loaded
@see bpf_program__set_log_buf
*/
static int program_set_log_buf(lua_State *L)
{
	struct owner *owner;
	struct bpf_program *prog = check_unloaded(L);
	size_t size = (size_t)value_check_int(L, 2, 128, 1 << 28);

	program_check(L, 1, &owner);
	/* one byte more than libbpf knows of, so that its strlen() ends */
	return program_done(L,
			    bpf_program__set_log_buf(prog, object_alloc(L, owner, size + 1), size),
			    prog, "set_log_buf");
}

/*** The verifier's log.
@function program:log_buf
@treturn ?string the text; nil without `program:set_log_buf`
@see bpf_program__log_buf
*/
static int program_log_buf(lua_State *L)
{
	size_t size = 0;
	const char *log = bpf_program__log_buf(program_check(L, 1, NULL), &size);

	if (log && size)
		lua_pushlstring(L, log, strnlen(log, size));
	else
		lua_pushnil(L);
	return 1;
}

void program_add_methods(lua_State *L, const luaL_Reg *methods)
{
	class_add_methods(L, PROGRAM, methods);
}

void program_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"name", program_name},
		{"section_name", program_section_name},
		{"type", program_type},
		{"set_type", program_set_type},
		{"expected_attach_type", program_expected_attach_type},
		{"set_expected_attach_type", program_set_expected_attach_type},
		{"flags", program_flags},
		{"set_flags", program_set_flags},
		{"autoload", program_autoload},
		{"set_autoload", program_set_autoload},
		{"autoattach", program_autoattach},
		{"set_autoattach", program_set_autoattach},
		{"set_ifindex", program_set_ifindex},
		{"set_attach_target", program_set_attach_target},
		{"fd", program_fd},
		{"insn_cnt", program_insn_cnt},
		{"insns", program_insns},
		{"set_insns", program_set_insns},
		{"log_level", program_log_level},
		{"set_log_level", program_set_log_level},
		{"set_log_buf", program_set_log_buf},
		{"log_buf", program_log_buf},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {
		{"__gc", program_gc}, {"__tostring", program_tostring}, {NULL, NULL}};

	class_new(L, PROGRAM, methods, meta);
}
