#include "object/handler.h"

#include "base/enum.h"
#include "base/field.h"
#include "base/frame.h"
#include "base/value.h"
#include "object/loadopts.h"
#include "object/program.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/*** @module lbpf */
/*** Handlers of SEC() names
@section handlers
@usage local id = lbpf.register_prog_handler("abc", "raw_tracepoint")
print(lbpf.prog_type_by_name("abc"))
assert(lbpf.unregister_prog_handler(id))
*/

/* Key in the Lua registry: the list of this state's handlers, in the order of registration. Each is
 * a table with id, sec (nil for the generic one), prog_type, attach_type, and the script's
 * prog_setup_fn, prog_prepare_load_fn, prog_attach_fn and cookie.
 */
static const char handlers_key;

/* Keys in an object's table. HANDLED: handlers by the address of the program that was opened with
 * them, and by libbpf's cookie for them. IN_FORCE: while the object is being opened, the list at
 * the beginning; setup functions may change the state's own list, but libbpf's array was prepared
 * for this one.
 */
#define HANDLED  "handlers"
#define IN_FORCE "handlers in force"

static void push_handlers(lua_State *L)
{
	compat_rawgetp(L, LUA_REGISTRYINDEX, &handlers_key);
}

static lua_Integer integer_field(lua_State *L, int idx, const char *name)
{
	lua_Integer n;

	lua_getfield(L, idx, name);
	n = lua_tointeger(L, -1);
	lua_pop(L, 1);
	return n;
}

/* Finding -------------------------------------------------------------------------------- */

/* Pushes the handler for a section, and returns its position in the list at LIST: the first that
 * matches by name, else the generic one. If there is none, pushes nothing and returns 0.
 */
static int push_match(lua_State *L, int list, const char *section)
{
	int generic = 0, n = (int)lua_rawlen(L, list);
	const char *sec;
	bool matches;

	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, list, i);
		lua_getfield(L, -1, "sec");
		sec = lua_tostring(L, -1);
		matches = sec && registry_matches(sec, section);
		if (!sec)
			generic = i;
		lua_pop(L, 1);
		if (matches)
			return i;
		lua_pop(L, 1);
	}
	if (generic)
		lua_rawgeti(L, list, generic);
	return generic;
}

/* ANCHOR: a table that keeps the strings to which NEED points. */
static void describe_need(lua_State *L, int list, int anchor, struct registry_need *need)
{
	int place = push_match(L, list, need->section);

	if (!place)
		return;
	lua_getfield(L, -1, "sec");
	need->sec = lua_tostring(L, -1);
	lua_rawseti(L, anchor, place);
	need->prog_type = (enum bpf_prog_type)integer_field(L, -1, "prog_type");
	need->attach_type = (enum bpf_attach_type)integer_field(L, -1, "attach_type");
	need->order = place;
	lua_pop(L, 1);
}

/* Pushes a copy of the state's list. */
static void push_handlers_copy(lua_State *L)
{
	int n;

	push_handlers(L);
	n = (int)lua_rawlen(L, -1);
	lua_createtable(L, n, 0);
	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, -2, i);
		lua_rawseti(L, -2, i);
	}
	lua_remove(L, -2);
}

struct handler_needs *handler_begin(lua_State *L, int env, const char *sections, size_t size)
{
	struct handler_needs *needs;
	size_t n = 0, i = 0;
	int list, anchor;

	for (size_t at = 0; at < size; at++)
		n += sections[at] == '\0';
	push_handlers_copy(L);
	list = lua_gettop(L);
	lua_pushvalue(L, list);
	lua_setfield(L, env, IN_FORCE);
	lua_newtable(L);
	anchor = lua_gettop(L);
	needs = compat_newuserdata(L, sizeof(*needs) + n * sizeof(needs->list[0]));
	needs->n = n;
	lua_pushvalue(L, anchor);
	compat_setuservalue(L, -2);
	for (const char *section = sections; i < n; section += strlen(section) + 1, i++) {
		needs->list[i] = (struct registry_need){.section = section};
		describe_need(L, list, anchor, &needs->list[i]);
	}
	lua_remove(L, anchor);
	lua_remove(L, list);
	return needs;
}

void handler_end(lua_State *L, int env)
{
	lua_pushnil(L);
	lua_setfield(L, env, IN_FORCE);
}

bool handler_push(lua_State *L, int env, const struct bpf_program *prog)
{
	lua_getfield(L, env, HANDLED);
	if (lua_istable(L, -1)) {
		compat_rawgetp(L, -1, prog);
		lua_remove(L, -2);
	}
	if (lua_istable(L, -1))
		return true;
	lua_pop(L, 1);
	return false;
}

enum handler_match handler_types(lua_State *L, const char *section, enum bpf_prog_type *prog_type,
				 enum bpf_attach_type *attach_type)
{
	enum handler_match match = HANDLER_NONE;
	int top = lua_gettop(L);

	push_handlers(L);
	if (push_match(L, top + 1, section)) {
		*prog_type = (enum bpf_prog_type)integer_field(L, -1, "prog_type");
		*attach_type = (enum bpf_attach_type)integer_field(L, -1, "attach_type");
		lua_getfield(L, -1, "sec");
		match = lua_isnil(L, -1) ? HANDLER_GENERIC : HANDLER_NAMED;
	}
	lua_settop(L, top);
	return match;
}

/* The bridge ----------------------------------------------------------------------------- */

enum { BY_NAME = 0, NOWHERE = -1 };

/* Which handler does libbpf's COOKIE mean? Returns its position in the list in force. NOWHERE: the
 * cookie does not belong to an entry that this open was prepared with. BY_NAME: the section's name
 * decides, because it is the fallback's cookie, or because one entry serves several handlers. The
 * latter happens while another object keeps the array unchanged, with an entry whose types suit all
 * of them.
 */
static int place_of(const struct handler_needs *needs, long cookie)
{
	int place = NOWHERE;

	if (cookie == REGISTRY_BY_NAME)
		return BY_NAME;
	for (size_t i = 0; i < needs->n; i++) {
		if (needs->list[i].cookie != cookie)
			continue;
		if (place != NOWHERE && place != needs->list[i].order)
			return BY_NAME;
		place = needs->list[i].order;
	}
	return place;
}

/* Stores the handler on top for a program, and for libbpf's cookie. HANDLED has true for a cookie
 * that several handlers share.
 */
static void keep_handler(lua_State *L, int env, const struct bpf_program *prog, long cookie,
			 bool by_name)
{
	int handler = lua_gettop(L);

	lua_getfield(L, env, HANDLED);
	luaL_checktype(L, -1, LUA_TTABLE);
	lua_pushvalue(L, handler);
	compat_rawsetp(L, -2, prog);
	if (cookie != REGISTRY_BY_NAME) {
		lua_pushinteger(L, cookie);
		if (by_name)
			lua_pushboolean(L, 1);
		else
			lua_pushvalue(L, handler);
		lua_rawset(L, -3);
	}
	lua_settop(L, handler);
}

/* Pushes the handler that libbpf's COOKIE means for a program that was opened with it. If there is
 * none, pushes nothing and returns false.
 */
static bool push_by_cookie(lua_State *L, int env, const struct bpf_program *prog, long cookie)
{
	bool by_name = cookie == REGISTRY_BY_NAME;

	if (!by_name) {
		lua_getfield(L, env, HANDLED);
		luaL_checktype(L, -1, LUA_TTABLE);
		lua_pushinteger(L, cookie);
		lua_rawget(L, -2);
		lua_remove(L, -2);
		if (lua_istable(L, -1))
			return true;
		by_name = lua_toboolean(L, -1);
		lua_pop(L, 1);
	}
	return by_name && handler_push(L, env, prog);
}

/* Callbacks ------------------------------------------------------------------------------ */

struct callback {
	struct owner *owner;
	struct bpf_program *prog;
	long cookie;          /* libbpf's */
	int place;            /* the handler's position in the list in force; see place_of() */
	const char *function; /* the handler's field, "prog_setup_fn" */
	int err;              /* for libbpf: 0, or -errno */
};

/* Converts the results of a handler's function, from FIRST to the top, to an error for libbpf.
 * Nothing, a true value, or a number from 0 on is success. A negative number is -errno. nil,
 * message, errno passes on the result of a refused call.
 */
static int to_error(lua_State *L, int first, const char *function)
{
	uint64_t number;
	size_t len;
	const char *message;

	switch (lua_type(L, first)) {
	case LUA_TNONE:
		return 0;
	case LUA_TNIL:
		if (lua_type(L, first + 1) != LUA_TSTRING)
			return 0;
		message = lua_tolstring(L, first + 1, &len);
		frame_log(message, len);
		frame_log("\n", 1);
		if (value_to_u64(L, first + 2, &number) && number >= 1 && number <= 4095)
			return -(int)number;
		return -ECANCELED;
	case LUA_TBOOLEAN:
		return lua_toboolean(L, first) ? 0 : -ECANCELED;
	case LUA_TNUMBER:
	case LBPF_TCDATA:
		if (!value_to_u64(L, first, &number))
			return luaL_error(L, "%s must return an integer", function);
		/* libbpf takes numbers below -4095 for a pointer */
		if ((int64_t)number >= 0)
			return 0;
		return (int64_t)number < -4095 ? -EINVAL : (int)(int64_t)number;
	default:
		return 0;
	}
}

/* Calls the function with the handler's program, the EXTRA values on top, and the cookie. HANDLER
 * and PROG are indexes.
 */
static void call_closure(lua_State *L, struct callback *cb, int handler, int prog, int extra)
{
	int first = lua_gettop(L) - extra + 1;

	lua_getfield(L, handler, cb->function);
	if (lua_isnil(L, -1))
		return;
	lua_insert(L, first);
	lua_pushvalue(L, prog);
	lua_insert(L, first + 1);
	lua_getfield(L, handler, "cookie");
	lua_call(L, 2 + extra, LUA_MULTRET);
	cb->err = to_error(L, first, cb->function);
}

/* (callback, the object's table): finds the program's handler, which sets its types. */
static int setup(lua_State *L)
{
	struct callback *cb = lua_touserdata(L, 1);
	int handler = 4, prog = 5;
	enum bpf_prog_type type;
	enum bpf_attach_type attach_type;

	lua_getfield(L, 2, IN_FORCE);
	luaL_checktype(L, 3, LUA_TTABLE);
	if (cb->place == BY_NAME)
		push_match(L, 3, bpf_program__section_name(cb->prog));
	else
		lua_rawgeti(L, 3, cb->place);
	if (!lua_istable(L, handler))
		return 0;
	keep_handler(L, 2, cb->prog, cb->cookie, cb->place == BY_NAME);
	program_push(L, cb->owner, cb->prog, 2);
	/* Do not set a type that is right already: since libbpf 1.3, changing the type detaches the
	 * program from its entry in libbpf's array.
	 */
	type = (enum bpf_prog_type)integer_field(L, handler, "prog_type");
	if (bpf_program__type(cb->prog) != type)
		bpf_program__set_type(cb->prog, type);
	attach_type = (enum bpf_attach_type)integer_field(L, handler, "attach_type");
	bpf_program__set_expected_attach_type(cb->prog, attach_type);
	call_closure(L, cb, handler, prog, 0);
	return 0;
}

/* (callback, the object's table) */
static int prepare_load(lua_State *L)
{
	struct callback *cb = lua_touserdata(L, 1);
	int handler = 3, prog = 4;

	if (!push_by_cookie(L, 2, cb->prog, cb->cookie))
		return 0;
	program_push(L, cb->owner, cb->prog, 2);
	load_scope_push(L);
	call_closure(L, cb, handler, prog, 1);
	return 0;
}

/* Called by libbpf, also for programs of its other users: then there is no frame. */

static int on_setup(struct bpf_program *prog, long cookie)
{
	struct frame *f = frame_current();
	struct callback cb = {.prog = prog, .cookie = cookie, .function = "prog_setup_fn"};
	int err;

	if (!f || !f->owner || !f->subject)
		return 0;
	cb.owner = f->owner;
	cb.place = place_of(f->subject, cookie);
	if (cb.place == NOWHERE)
		return 0;
	err = frame_call(f, setup, &cb);
	return err ? err : cb.err;
}

static int on_prepare_load(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	struct frame *f = frame_current();
	struct callback cb = {.prog = prog, .cookie = cookie, .function = "prog_prepare_load_fn"};
	struct load_scope scope;
	int err;

	if (!f || !f->owner)
		return 0;
	cb.owner = f->owner;
	load_scope_begin(&scope, prog, opts);
	err = frame_call(f, prepare_load, &cb);
	load_scope_end(&scope);
	return err ? err : cb.err;
}

/* lbpf attaches programs with a handler of a script directly, so that libbpf does not get the link.
 * Only other programs arrive here. With the fallback's cookie there is nothing to attach. With an
 * entry's cookie it is a program of another user of libbpf, which libbpf matched with our entry.
 */
static int on_attach(const struct bpf_program *prog, long cookie, struct bpf_link **link)
{
	(void)prog;
	*link = NULL;
	return cookie == REGISTRY_BY_NAME ? 0 : -EOPNOTSUPP;
}

int handler_attach(lua_State *L, int prog)
{
	int handler = lua_gettop(L), err;

	lua_getfield(L, handler, "prog_attach_fn");
	if (lua_isnil(L, -1)) {
		lua_settop(L, handler - 1);
		return 0;
	}
	lua_pushvalue(L, prog);
	lua_getfield(L, handler, "cookie");
	lua_call(L, 2, 3);
	lua_remove(L, handler);
	switch (lua_type(L, handler)) {
	case LUA_TUSERDATA:
	case LUA_TTABLE:
		lua_settop(L, handler);
		return 1;
	case LUA_TNIL:
		if (lua_type(L, handler + 1) == LUA_TSTRING)
			return 3;
		break;
	case LUA_TBOOLEAN:
	case LUA_TNUMBER:
	case LBPF_TCDATA:
		err = to_error(L, handler, "prog_attach_fn");
		if (err) {
			lua_settop(L, handler - 1);
			return value_fail(L, -err, "prog_attach_fn");
		}
		break;
	default:
		luaL_error(L, "prog_attach_fn must return a link, a list of links, or nil; not %s",
			   luaL_typename(L, handler));
	}
	lua_settop(L, handler - 1);
	return 0;
}

/* Registering ---------------------------------------------------------------------------- */

static const struct field handler_opts[] = {
	FIELD_BY_MODULE("cookie"),
	FIELD_BY_MODULE("prog_setup_fn"),
	FIELD_BY_MODULE("prog_prepare_load_fn"),
	FIELD_BY_MODULE("prog_attach_fn"),
	FIELDS_END,
};

static const char *check_sec(lua_State *L, int arg)
{
	size_t len, stem;
	const char *sec;

	if (lua_isnil(L, arg))
		return NULL;
	sec = luaL_checklstring(L, arg, &len);
	luaL_argcheck(L, strlen(sec) == len, arg, "a section name must not contain a zero byte");
	stem = len && strchr("/+", sec[len - 1]) ? len - 1 : len;
	luaL_argcheck(L, stem > 0, arg, "a section name must not be empty");
	return sec;
}

static bool has_generic(lua_State *L, int list)
{
	return push_match(L, list, "") && (lua_pop(L, 1), true);
}

/*** Registers a handler for a SEC() name.
Objects that are opened from now on use it; an object keeps the handlers that it was opened with.
Scripts' handlers take precedence over libbpf's, in the order of their registration. Their functions
run inside `lbpf.open`, `obj:load` and `attach`, in the coroutine that called these. An error in one
of them is raised by that call, unchanged. A function refuses by returning a negative error number,
or nil, message, errno.
@function register_prog_handler
@tparam ?string sec "abc" matches SEC("abc"); "abc/" matches SEC("abc/anything"); "abc+" both; nil
every section that no other handler matches
@tparam ?string|integer prog_type the type of the programs, "kprobe"; nil: a function sets it
@tparam ?string|integer expected_attach_type "trace_kprobe_multi"
@tparam ?table opts `cookie`: any value, the last argument of the functions;
 `prog_setup_fn(prog, cookie)`: called when the program was found; sets its properties. For a
section that libbpf knows, give the type as `prog_type`: if this function changes it, libbpf 1.3 and
newer does not call `prog_prepare_load_fn`;
 `prog_prepare_load_fn(prog, load_opts, cookie)`: called before the program is loaded; may change
the fields of bpf_prog_load_opts; `prog_attach_fn(prog, cookie)`: attaches the program; returns the
link, a list of links, or nil for none
@treturn integer an id for `unregister_prog_handler`
@fails EBUSY for a second generic handler
@usage local id = lbpf.register_prog_handler("syscall/", "tracepoint", nil, {
  prog_attach_fn = function(prog)
    local name = prog:section_name():match("^syscall/(.*)")
    return prog:attach_tracepoint("syscalls", "sys_enter_" .. name)
  end,
})
lbpf.unregister_prog_handler(id)
@see libbpf_register_prog_handler
*/
static int register_prog_handler(lua_State *L)
{
	static const char *const functions[] = {"prog_setup_fn", "prog_prepare_load_fn",
						"prog_attach_fn"};
	static const struct libbpf_prog_handler_opts callbacks = {
		.sz = sizeof(callbacks),
		.prog_setup_fn = on_setup,
		.prog_prepare_load_fn = on_prepare_load,
		.prog_attach_fn = on_attach,
	};
	static atomic_int last_id;
	const char *sec;
	int type, attach_type, id, list = 5, handler = 6;

	lua_settop(L, 4);
	sec = check_sec(L, 1);
	type = lua_isnil(L, 2) ? 0 : enum_check(L, 2, &enum_prog_type);
	luaL_argcheck(L, type != BPF_PROG_TYPE_STRUCT_OPS, 2, "a program cannot become struct_ops");
	attach_type = lua_isnil(L, 3) ? 0 : enum_check(L, 3, &enum_attach_type);
	field_read(L, 4, handler_opts, NULL);
	push_handlers(L);
	if (!registry_start(&callbacks) && !sec)
		return value_fail(L, EBUSY,
				  "register_prog_handler(nil): another user of libbpf "
				  "in this process has a generic handler");
	if (!sec && has_generic(L, list))
		return value_fail(L, EBUSY,
				  "register_prog_handler(nil): there is a generic handler");

	lua_newtable(L);
	if (!lua_isnil(L, 4)) {
		for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
			lua_getfield(L, 4, functions[i]);
			if (!lua_isnil(L, -1) && !lua_isfunction(L, -1))
				luaL_argerror(L, 4,
					      lua_pushfstring(L, "option '%s' must be a function",
							      functions[i]));
			lua_setfield(L, handler, functions[i]);
		}
		lua_getfield(L, 4, "cookie");
		lua_setfield(L, handler, "cookie");
	}
	lua_pushvalue(L, 1);
	lua_setfield(L, handler, "sec");
	lua_pushinteger(L, type);
	lua_setfield(L, handler, "prog_type");
	lua_pushinteger(L, attach_type);
	lua_setfield(L, handler, "attach_type");
	id = atomic_fetch_add(&last_id, 1) + 1;
	lua_pushinteger(L, id);
	lua_setfield(L, handler, "id");
	lua_rawseti(L, list, (int)lua_rawlen(L, list) + 1);
	lua_pushinteger(L, id);
	return 1;
}

/*** Removes a handler. Objects that were opened with it keep it.
@function unregister_prog_handler
@tparam integer id from `register_prog_handler`
@treturn boolean true
@fails ENOENT if this state has no such handler
@see libbpf_unregister_prog_handler
*/
static int unregister_prog_handler(lua_State *L)
{
	int id = (int)value_check_int(L, 1, 1, INT32_MAX), n, list = 2;

	lua_settop(L, 1);
	push_handlers(L);
	n = (int)lua_rawlen(L, list);
	for (int i = 1; i <= n; i++) {
		bool found;

		lua_rawgeti(L, list, i);
		found = integer_field(L, -1, "id") == id;
		lua_pop(L, 1);
		if (!found)
			continue;
		for (; i < n; i++) {
			lua_rawgeti(L, list, i + 1);
			lua_rawseti(L, list, i);
		}
		lua_pushnil(L);
		lua_rawseti(L, list, n);
		lua_pushboolean(L, 1);
		return 1;
	}
	return value_fail(L, ENOENT, "unregister_prog_handler(%d)", id);
}

void handler_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"register_prog_handler", register_prog_handler},
		{"unregister_prog_handler", unregister_prog_handler},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
	push_handlers(L);
	if (lua_isnil(L, -1)) { /* otherwise the module is loaded again: keep the handlers */
		lua_newtable(L);
		compat_rawsetp(L, LUA_REGISTRYINDEX, &handlers_key);
	}
	lua_pop(L, 1);
}
