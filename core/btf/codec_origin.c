/* Where tables come from. A table that was read says all that a script wants to know, but at times
 * not all that its bytes do: of a union each member, of a string what comes before the first zero,
 * of padding nothing. So that a value that is read, changed in one place and written differs in
 * that place alone, such a table's bytes are kept: by the table, in a table with weak keys, where
 * nobody sees them. They go with a print of the type, and are good for types with the same members.
 */
#include "btf/codec_internal.h"

#include <string.h>

/* Its address is the key in the registry. */
static const char origins;

/* Has this process ever kept one? Most never do. */
static bool any_kept;

void origin_push_all(lua_State *L)
{
	compat_rawgetp(L, LUA_REGISTRYINDEX, &origins);
	if (!lua_istable(L, -1))
		luaL_error(L, "the registry was changed");
}

static uint64_t print_for(const struct codec_run *w, const struct step *s)
{
	return w->codec->plan.prints[codec_step_number(w, s)];
}

/* Need not all values of the type have the same size? */
static bool has_any_size(const struct codec_run *w, const struct step *s)
{
	return s->is_flexible || (w->codec->plan.is_flexible && s == w->codec->plan.steps);
}

void origin_keep(const struct codec_run *w, const struct step *s, const char *data)
{
	lua_State *L = w->L;
	size_t left = (size_t)(w->end - data), size = step_bytes(s);
	uint64_t print = print_for(w, s);
	luaL_Buffer b;

	if (has_any_size(w, s))
		size = left;
	__atomic_store_n(&any_kept, true, __ATOMIC_RELAXED);
	luaL_checkstack(L, LUA_MINSTACK, "a type is nested too deep");
	luaL_buffinit(L, &b);
	luaL_addlstring(&b, (const char *)&print, sizeof(print));
	luaL_addlstring(&b, data, size < left ? size : left);
	for (size_t i = left; i < size; i++)
		luaL_addchar(&b, '\0');
	luaL_pushresult(&b);
	origin_push_all(L);
	lua_insert(L, -2);
	lua_pushvalue(L, -3);
	lua_insert(L, -2);
	lua_rawset(L, -3);
	lua_pop(L, 1);
}

void origin_drop(const struct codec_run *w, int value)
{
	lua_State *L = w->L;

	if (!__atomic_load_n(&any_kept, __ATOMIC_RELAXED))
		return;
	lua_pushvalue(L, value);
	origin_push_all(L);
	lua_pushvalue(L, -2);
	lua_rawget(L, -2);
	if (!lua_isnil(L, -1)) {
		lua_pushvalue(L, -3);
		lua_pushnil(L);
		lua_rawset(L, -4);
	}
	lua_pop(L, 3);
}

/* Is the origin, a print and bytes, that of such a value? */
static bool is_of_type(const struct codec_run *w, const struct step *s, const char *origin,
		       size_t len)
{
	uint64_t print = print_for(w, s);

	if (len < sizeof(print) || memcmp(origin, &print, sizeof(print)) != 0)
		return false;
	len -= sizeof(print);
	if (has_any_size(w, s))
		return s->is_flexible || len >= w->codec->plan.least;
	return len == step_bytes(s);
}

const char *origin_push(const struct codec_run *w, const struct step *s, int value, size_t *size)
{
	lua_State *L = w->L;
	const char *origin;
	size_t len = 0;

	origin_push_all(L);
	lua_pushvalue(L, value);
	lua_rawget(L, -2);
	origin = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
	if (!origin || !is_of_type(w, s, origin, len)) { /* most are tables of the script's own */
		lua_pop(L, 2);
		return NULL;
	}
	lua_remove(L, -2);
	*size = len - sizeof(uint64_t);
	return origin + sizeof(uint64_t);
}

void origin_open(lua_State *L)
{
	lua_newtable(L);
	lua_newtable(L);
	lua_pushliteral(L, "k");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	compat_rawsetp(L, LUA_REGISTRYINDEX, &origins);
}
