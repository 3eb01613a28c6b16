#include "event/perfcpus.h"

#include "base/field.h"
#include "base/value.h"
#include <stdlib.h>

static const struct field fields[] = {
	FIELD(struct perf_buffer_raw_opts, cpu_cnt, FIELD_INT),
	FIELD_BY_MODULE("cpus"),
	FIELD_BY_MODULE("map_keys"),
	FIELDS_END,
};

/* Copies the list in option NAME; returns its length. */
static int read_list(lua_State *L, int arg, const char *name, int **list)
{
	int n;

	lua_getfield(L, arg, name);
	if (!lua_istable(L, -1))
		luaL_argerror(L, arg, lua_pushfstring(L, "option '%s' must be a list", name));
	n = (int)lua_rawlen(L, -1);
	*list = calloc((size_t)n + 1, sizeof(**list));
	if (!*list)
		return luaL_error(L, "not enough memory");
	for (int i = 0; i < n; i++) {
		uint64_t value;

		lua_rawgeti(L, -1, i + 1);
		if (!value_to_u64(L, -1, &value) || value > INT32_MAX)
			luaL_argerror(L, arg,
				      lua_pushfstring(L, "option '%s': [%d] is out of range", name,
						      i + 1));
		(*list)[i] = (int)value;
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return n;
}

void perfcpus_read(lua_State *L, int arg, struct perf_buffer_raw_opts *opts)
{
	bool has_lists;
	int n;

	field_read(L, arg, fields, opts);
	if (lua_isnil(L, arg))
		return;
	lua_getfield(L, arg, "cpus");
	lua_getfield(L, arg, "map_keys");
	has_lists = !lua_isnil(L, -1) || !lua_isnil(L, -2);
	lua_pop(L, 2);
	if (!has_lists && opts->cpu_cnt == 0)
		return;
	n = read_list(L, arg, "cpus", &opts->cpus);
	luaL_argcheck(L, read_list(L, arg, "map_keys", &opts->map_keys) == n && n > 0, arg,
		      "options 'cpus' and 'map_keys' must have the same length, and not be empty");
	luaL_argcheck(L, opts->cpu_cnt >= 0 && opts->cpu_cnt <= n, arg,
		      "option 'cpu_cnt' is out of range");
	if (opts->cpu_cnt == 0)
		opts->cpu_cnt = n;
}

void perfcpus_free(struct perf_buffer_raw_opts *opts)
{
	free(opts->cpus);
	free(opts->map_keys);
	opts->cpus = opts->map_keys = NULL;
}
