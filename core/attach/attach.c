#include "attach/attach.h"

#include "attach/attempt.h"
#include "attach/link.h"
#include "attach/linklist.h"
#include "attach/usdt.h"
#include "base/section.h"
#include "base/value.h"
#include "map/map.h"
#include "object/handler.h"
#include "object/object.h"
#include "object/program.h"
#include <errno.h>
#include <string.h>

/*** @module lbpf */
/*** Attaching as the section says
@section attaching
*/

/* Attaches one program as a skeleton does: there libbpf distinguishes "failed" from "nothing to
 * attach". */
static int attach_by_section(lua_State *L, struct attempt *a)
{
	struct bpf_link *link = NULL;
	struct bpf_prog_skeleton part = {
		.name = bpf_program__name(a->prog), .prog = &a->prog, .link = &link};
	struct bpf_object_skeleton skeleton = {.sz = sizeof(skeleton),
					       .prog_cnt = 1,
					       .prog_skel_sz = sizeof(part),
					       .progs = &part};
	bool autoattach = bpf_program__autoattach(a->prog);
	const char *section = bpf_program__section_name(a->prog);
	int ret, err;

	if (strncmp(section, "usdt", 4) == 0 && !usdt_fits(L, a->owner, a->prog, "attach"))
		return 3;
	attempt_begin(L, a);
	bpf_program__set_autoattach(a->prog, true); /* an explicit attach() overrides it */
	ret = bpf_object__attach_skeleton(&skeleton);
	err = ret ? value_errno(ret) : 0;
	bpf_program__set_autoattach(a->prog, autoattach);
	if (!err && !link) {
		frame_leave(&a->frame);
		return 0;
	}
	errno = err;
	return attempt_finish(L, a, err ? NULL : link, "attach", section);
}

/* Attaches the program at 1. Returns 1 and pushes a link, or what the handler returned; 0 if there
 * is nothing to attach to; else pushes nil, message, errno, and returns how many.
 */
static int attach_auto(lua_State *L, struct attempt *a)
{
	int n;

	class_env(L, 1);
	a->env = lua_gettop(L);
	if (!handler_push(L, a->env, a->prog))
		return attach_by_section(L, a);
	n = handler_attach(L, 1);
	if (n == 1) {
		owner_check(L, a->owner); /* the handler may have closed it */
		link_check_returned(L, -1, a->owner);
		if (lua_istable(L, -1))
			linklist_adopt(L, -1);
		lua_getfield(L, a->env, "links");
		lua_pushvalue(L, -2);
		lua_setfield(L, -2, bpf_program__name(a->prog));
		lua_pop(L, 1);
	}
	return n;
}

/* Pushes how a program is attached whose section names no target. */
static void push_way(lua_State *L, const struct bpf_program *prog)
{
	const char *method = section_method(bpf_program__section_name(prog));

	if (method)
		lua_pushfstring(L, "attach it with %s", method);
	else
		lua_pushliteral(L, "attach it with one of the methods program:attach_...()");
}

/*** Attaches the program as its section says: by the script's handler, or by libbpf's.
@function program:attach
@treturn link or what the handler's prog_attach_fn returned: a link, or a list of links, which has a
link's methods
@fails EOPNOTSUPP if the section does not name a target
@raise if the program is not loaded
@usage local link = assert(object.progs.enter:attach())
@see bpf_program__attach
*/
static int attach_program(lua_State *L)
{
	struct attempt a;
	int n;

	attempt_check(L, &a);
	lua_settop(L, 1);
	n = attach_auto(L, &a);
	if (n)
		return n;
	push_way(L, a.prog);
	return value_fail_because(L, EOPNOTSUPP, lua_tostring(L, -1),
				  "attach: program '%s', SEC(\"%s\") names no target",
				  bpf_program__name(a.prog), bpf_program__section_name(a.prog));
}

/* Destroys the links in the list at IDX, which object:attach() has created so far. */
static void undo(lua_State *L, int idx)
{
	for (size_t i = 1, n = lua_rawlen(L, idx); i <= n; i++) {
		lua_rawgeti(L, idx, (int)i);
		link_destroy_returned(L, -1);
		lua_pop(L, 1);
	}
}

/* (program): attaches it unless it is attached, or not to be. What attach_auto() returned; or false
 * and how it is attached, where only its section keeps it from that.
 */
static int attach_if_due(lua_State *L)
{
	struct attempt a = {.map = NULL};
	int n;

	a.prog = program_check(L, 1, &a.owner);
	if (!bpf_program__autoload(a.prog) || !bpf_program__autoattach(a.prog))
		return 0;
	class_env(L, 1);
	lua_getfield(L, 2, "links");
	lua_getfield(L, 3, bpf_program__name(a.prog));
	if (link_is_attached(L, 4))
		return 0;
	lua_settop(L, 1);
	n = attach_auto(L, &a);
	if (n == 0 && !handler_push(L, a.env, a.prog)) {
		lua_pushboolean(L, 0);
		push_way(L, a.prog);
		return 2;
	}
	return n;
}

#if LBPF_HEADERS(1, 5)
#pragma weak bpf_map__autoattach

/* (map): the same for a struct_ops map. */
static int attach_map_if_due(lua_State *L)
{
	struct bpf_map *map = map_check_created(L, 1);

	class_env(L, 1);
	lua_getfield(L, 2, "links");
	lua_getfield(L, 3, bpf_map__name(map));
	if (link_is_attached(L, 4))
		return 0;
	lua_settop(L, 1);
	return attach_struct_ops(L);
}

static bool is_due(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS && bpf_map__fd(map) >= 0 &&
	       bpf_map__autoattach(map);
}
#endif

/* Calls the function below the top with the part on top, whose NAME that is. True if that has
 * attached something, or nothing was to be: what it made is added to the list DONE, and what was
 * passed over to the table after that. Else what it returned is on the stack. Undoes what is done,
 * if it fails or raises.
 */
static bool attach_part(lua_State *L, int done, const char *name)
{
	if (lua_pcall(L, 1, 4, 0)) {
		undo(L, done);
		lua_error(L);
	}
	if (lua_isnil(L, -4) && !lua_isnil(L, -3)) {
		undo(L, done);
		return false;
	}
	if (lua_isboolean(L, -4)) {
		lua_pushvalue(L, -3);
		lua_setfield(L, done + 1, name);
	} else if (!lua_isnil(L, -4)) {
		lua_pushvalue(L, -4);
		lua_rawseti(L, done, (int)lua_rawlen(L, done) + 1);
	}
	lua_pop(L, 4);
	return true;
}

/*** Attaches every program whose section names a target, and with libbpf 1.5 every struct_ops map,
as a skeleton does. Programs that are attached already, or whose autoattach is off, are skipped. If
one fails, those that this call attached are detached again.
@function object:attach
@treturn object itself
@treturn ?table what was passed over because its section does not say to what: by the program's
name, how it is attached, "attach it with program:attach_xdp()"; nil if there is none
@fails
@raise if the object is not loaded; the error of a handler's function
@usage assert(object:attach())
object.links.enter:destroy()
@see bpf_object__attach_skeleton
*/
static int attach_object(lua_State *L)
{
	struct owner *owner = object_check(L, 1);
	struct bpf_program *prog = NULL;
	int env = 2, done = 3, any;

	if (!object_is_loaded(owner))
		return luaL_error(L, "object '%s' is not loaded", owner->name);
	lua_settop(L, 1);
	class_env(L, 1);
	lua_newtable(L);
	lua_newtable(L);
	while ((prog = bpf_object__next_program(object_of(owner), prog))) {
		lua_pushcfunction(L, attach_if_due);
		program_push(L, owner, prog, env);
		if (!attach_part(L, done, bpf_program__name(prog)))
			return 4;
		owner_check(L, owner); /* a handler may have closed it */
	}
#if LBPF_HEADERS(1, 5)
	struct bpf_map *map = NULL;

	while (compat_libbpf(1, 5) && (map = bpf_object__next_map(object_of(owner), map))) {
		if (!is_due(map))
			continue;
		lua_pushcfunction(L, attach_map_if_due);
		map_push(L, owner, map, env);
		if (!attach_part(L, done, bpf_map__name(map)))
			return 4;
	}
#endif
	lua_settop(L, done + 1);
	lua_pushnil(L);
	any = lua_next(L, done + 1);
	lua_settop(L, done + 1);
	lua_pushvalue(L, 1);
	lua_insert(L, done + 1);
	if (!any)
		lua_pop(L, 1);
	return any ? 2 : 1;
}

void attach_open(lua_State *L)
{
	static const luaL_Reg program_methods[] = {{"attach", attach_program}, {NULL, NULL}};
	static const luaL_Reg object_methods[] = {{"attach", attach_object}, {NULL, NULL}};

	program_add_methods(L, program_methods);
	object_add_methods(L, object_methods);
}
