#include "attempt.h"

#include "link.h"
#include "program.h"
#include "value.h"

void attempt_check(lua_State *L, struct attempt *a)
{
	a->prog = program_check_loaded(L, 1, &a->owner);
}

void attempt_begin(lua_State *L, struct attempt *a)
{
	compat_getuservalue(L, 1);
	a->env = lua_gettop(L);
	a->link = link_push(L, a->owner, bpf_program__name(a->prog), a->env);
	a->handle = lua_gettop(L);
	frame_enter(L, &a->frame, a->owner, 0);
}

int attempt_finish(lua_State *L, struct attempt *a, struct bpf_link *link, const char *how,
		   const char *target)
{
	const char *prog = bpf_program__name(a->prog);
	int err = value_pointer_error(link);

	if (!err)
		link_set(a->link, link);
	frame_leave(&a->frame);
	if (err)
		return value_fail_logged(L, &a->frame, err, "%s: program '%s'%s%s%s", how, prog,
					 target ? " to '" : "", target ? target : "",
					 target ? "'" : "");
	lua_getfield(L, a->env, "links");
	lua_pushvalue(L, a->handle);
	lua_setfield(L, -2, prog);
	lua_settop(L, a->handle);
	return 1;
}
