#include "base/list.h"

#include "base/value.h"

/* Pushes the list, and sets or checks *N; if there is none, pushes nothing and returns false. */
static bool push_list(lua_State *L, int arg, const char *name, size_t *n)
{
	if (lua_isnoneornil(L, arg))
		return false;
	lua_getfield(L, arg, name);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return false;
	}
	if (!lua_istable(L, -1))
		luaL_argerror(L, arg, lua_pushfstring(L, "option '%s' must be a list", name));
	if (*n == 0)
		*n = lua_rawlen(L, -1);
	if (*n == 0 || lua_rawlen(L, -1) != *n)
		luaL_argerror(L, arg,
			      lua_pushfstring(L, "option '%s' must be a list as long as the others",
					      name));
	return true;
}

static int wrong(lua_State *L, int arg, const char *name, size_t i, const char *what)
{
	return luaL_argerror(
		L, arg, lua_pushfstring(L, "option '%s': [%d] is not %s", name, (int)i + 1, what));
}

uint32_t *list_u32(lua_State *L, int arg, const char *name, size_t *n)
{
	uint64_t value;
	uint32_t *values;

	if (!push_list(L, arg, name, n))
		return NULL;
	values = compat_newuserdata(L, *n * sizeof(*values));
	for (size_t i = 0; i < *n; i++) {
		lua_rawgeti(L, -2, (int)i + 1);
		if (!value_to_u64(L, -1, &value) || value > UINT32_MAX)
			wrong(L, arg, name, i, "an integer from 0 to 2^32 - 1");
		values[i] = (uint32_t)value;
		lua_pop(L, 1);
	}
	return values;
}

uint64_t *list_u64(lua_State *L, int arg, const char *name, size_t *n)
{
	uint64_t *values;

	if (!push_list(L, arg, name, n))
		return NULL;
	values = compat_newuserdata(L, *n * sizeof(*values));
	for (size_t i = 0; i < *n; i++) {
		lua_rawgeti(L, -2, (int)i + 1);
		if (!value_to_u64(L, -1, &values[i]))
			wrong(L, arg, name, i, "an integer");
		lua_pop(L, 1);
	}
	return values;
}

const char **list_strings(lua_State *L, int arg, const char *name, size_t *n)
{
	const char **values;

	if (!push_list(L, arg, name, n))
		return NULL;
	values = compat_newuserdata(L, *n * sizeof(*values));
	lua_newtable(L); /* keeps the strings even if the script changes the list */
	for (size_t i = 0; i < *n; i++) {
		lua_rawgeti(L, -3, (int)i + 1);
		if (lua_type(L, -1) != LUA_TSTRING)
			wrong(L, arg, name, i, "a string");
		values[i] = lua_tostring(L, -1);
		lua_rawseti(L, -2, (int)i + 1);
	}
	return values;
}

int *list_fds(lua_State *L, int arg, const char *name, size_t *n)
{
	int *values;

	if (!push_list(L, arg, name, n))
		return NULL;
	values = compat_newuserdata(L, *n * sizeof(*values));
	for (size_t i = 0; i < *n; i++) {
		lua_rawgeti(L, -2, (int)i + 1);
		if (!value_to_fd(L, -1, &values[i]))
			luaL_argerror(L, arg,
				      lua_pushfstring(L, "option '%s': [%d]: %s", name, (int)i + 1,
						      lua_tostring(L, -1)));
		lua_pop(L, 1);
	}
	return values;
}
