#include "attach.h"

#include "attempt.h"
#include "handler.h"
#include "link.h"
#include "object.h"
#include "program.h"
#include "value.h"
#include <errno.h>

/*** @module lbpf */
/*** Attaching as the section says
@section attaching
*/

/* What a skeleton does for one program: libbpf tells "cannot" from "nothing to attach" there. */
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
	int ret, err;

	attempt_begin(L, a);
	bpf_program__set_autoattach(a->prog, true); /* who calls attach() means it */
	ret = bpf_object__attach_skeleton(&skeleton);
	err = ret ? value_errno(ret) : 0;
	bpf_program__set_autoattach(a->prog, autoattach);
	if (!err && !link) {
		frame_leave(&a->frame);
		return 0;
	}
	errno = err;
	return attempt_finish(L, a, err ? NULL : link, "attach",
			      bpf_program__section_name(a->prog));
}

/* Attaches the program at 1. 1: a link, or what the closure returned, is pushed; 0: nothing is to
 * be attached; more: nil, message, errno.
 */
static int attach_auto(lua_State *L, struct attempt *a)
{
	int n;

	compat_getuservalue(L, 1);
	a->env = lua_gettop(L);
	if (!handler_push(L, a->env, a->prog))
		return attach_by_section(L, a);
	n = handler_attach(L, 1);
	if (n == 1) {
		owner_check(L, a->owner); /* the closure may have closed it */
		link_check_returned(L, -1, a->owner);
		lua_getfield(L, a->env, "links");
		lua_pushvalue(L, -2);
		lua_setfield(L, -2, bpf_program__name(a->prog));
		lua_pop(L, 1);
	}
	return n;
}

/*** Attaches the program as its section says: by the script's handler, or by libbpf's.
@function program:attach
@treturn link or what the handler's prog_attach_fn returned, a link or a list of links
@treturn[2] nil
@treturn[2] string message, and the error number: EOPNOTSUPP if the section does not say what to
 attach to
@raise if the program is not loaded
@see bpf_program__attach
*/
int attach_program(lua_State *L)
{
	struct attempt a;
	int n;

	attempt_check(L, &a);
	lua_settop(L, 1);
	n = attach_auto(L, &a);
	if (n)
		return n;
	return value_fail(L, EOPNOTSUPP, "attach: program '%s', SEC(\"%s\") names no target",
			  bpf_program__name(a.prog), bpf_program__section_name(a.prog));
}

/* Destroys what object:attach() has attached so far: the list at IDX. */
static void undo(lua_State *L, int idx)
{
	for (size_t i = 1, n = lua_rawlen(L, idx); i <= n; i++) {
		lua_rawgeti(L, idx, (int)i);
		link_destroy_returned(L, -1);
		lua_pop(L, 1);
	}
}

/* (program): attaches it unless it is attached, or not to be. What attach_auto() returned. */
static int attach_if_due(lua_State *L)
{
	struct attempt a = {.map = NULL};

	a.prog = program_check(L, 1, &a.owner);
	if (!bpf_program__autoload(a.prog) || !bpf_program__autoattach(a.prog))
		return 0;
	compat_getuservalue(L, 1);
	lua_getfield(L, 2, "links");
	lua_getfield(L, 3, bpf_program__name(a.prog));
	if (link_is_attached(L, 4))
		return 0;
	lua_settop(L, 1);
	return attach_auto(L, &a);
}

/*** Attaches every program whose section says to what, as a skeleton does; programs that are
attached already, or whose autoattach is off, are passed over. If one fails, those attached by this
call are detached again.
@function object:attach
@treturn object itself
@treturn[2] nil
@treturn[2] string message, and the error number
@raise if the object is not loaded; whatever a handler's closure raised
@see bpf_object__attach_skeleton
*/
int attach_object(lua_State *L)
{
	struct owner *owner = object_check(L, 1);
	struct bpf_program *prog = NULL;
	int env = 2, done = 3, n = 0;

	if (!object_is_loaded(owner))
		return luaL_error(L, "object '%s' is not loaded", owner->name);
	lua_settop(L, 1);
	compat_getuservalue(L, 1);
	lua_newtable(L);
	while ((prog = bpf_object__next_program(object_of(owner), prog))) {
		int status;

		lua_pushcfunction(L, attach_if_due);
		program_push(L, owner, prog, env);
		status = lua_pcall(L, 1, 4, 0);
		if (status) {
			undo(L, done);
			return lua_error(L);
		}
		if (lua_isnil(L, -4) && !lua_isnil(L, -3)) {
			undo(L, done);
			return 4;
		}
		lua_pop(L, 3);
		if (lua_isnil(L, -1))
			lua_pop(L, 1);
		else
			lua_rawseti(L, done, ++n);
		owner_check(L, owner); /* a closure may have closed it */
	}
	lua_settop(L, 1);
	return 1;
}
