#include "attach/attempt.h"

#include "attach/link.h"
#include "base/value.h"
#include "map/map.h"
#include "object/program.h"

void attempt_check(lua_State *L, struct attempt *a)
{
	a->prog = program_check_loaded(L, 1, &a->owner);
	a->map = NULL;
}

void attempt_check_map(lua_State *L, struct attempt *a)
{
	a->prog = NULL;
	a->map = map_check_created(L, 1);
	a->owner = map_owner(L, 1);
}

static const char *name_of(const struct attempt *a)
{
	return a->map ? bpf_map__name(a->map) : bpf_program__name(a->prog);
}

void attempt_begin(lua_State *L, struct attempt *a)
{
	class_env(L, 1);
	a->env = lua_gettop(L);
	a->link =
		link_push(L, a->owner, a->map ? LINK_OF_MAP : LINK_OF_PROGRAM, name_of(a), a->env);
	a->handle = lua_gettop(L);
	frame_enter(L, &a->frame, a->owner, 0);
}

int attempt_finish(lua_State *L, struct attempt *a, struct bpf_link *link, const char *how,
		   const char *target)
{
	const char *name = name_of(a);
	int err = value_pointer_error(link);

	if (!err)
		link_set(a->link, link);
	frame_leave(&a->frame);
	if (err)
		return value_fail_logged(L, &a->frame, err, "%s: %s '%s'%s%s%s", how,
					 a->map ? "map" : "program", name, target ? " to '" : "",
					 target ? target : "", target ? "'" : "");
	lua_getfield(L, a->env, "links");
	lua_pushvalue(L, a->handle);
	lua_setfield(L, -2, name);
	lua_settop(L, a->handle);
	return 1;
}
