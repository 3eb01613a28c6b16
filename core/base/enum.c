#include "base/enum.h"

#include "base/value.h"
#include <string.h>

/* libbpf's names have no gaps from 0 on; the ids of newer kernels are far below this. */
#define ENUM_MAX 512

static const char *prog_type_name(int id)
{
	return libbpf_bpf_prog_type_str((enum bpf_prog_type)id);
}

static const char *attach_type_name(int id)
{
	return libbpf_bpf_attach_type_str((enum bpf_attach_type)id);
}

static const char *map_type_name(int id)
{
	return libbpf_bpf_map_type_str((enum bpf_map_type)id);
}

static const char *link_type_name(int id)
{
	return libbpf_bpf_link_type_str((enum bpf_link_type)id);
}

const struct enumeration enum_prog_type = {"program type", prog_type_name};
const struct enumeration enum_attach_type = {"attach type", attach_type_name};
const struct enumeration enum_map_type = {"map type", map_type_name};
const struct enumeration enum_link_type = {"link type", link_type_name};

bool enum_to_id(lua_State *L, int idx, const struct enumeration *e, int *id)
{
	uint64_t number;

	if (lua_type(L, idx) == LUA_TSTRING) {
		const char *want = lua_tostring(L, idx), *name;

		for (int i = 0; i < ENUM_MAX; i++) {
			name = e->name(i);
			if (name && strcmp(name, want) == 0) {
				*id = i;
				return true;
			}
		}
		return false;
	}
	if (lua_type(L, idx) != LUA_TNUMBER || !value_to_u64(L, idx, &number) || number >= ENUM_MAX)
		return false;
	*id = (int)number;
	return true;
}

int enum_check(lua_State *L, int arg, const struct enumeration *e)
{
	int id = 0;

	if (enum_to_id(L, arg, e, &id))
		return id;
	if (lua_type(L, arg) == LUA_TSTRING)
		lua_pushfstring(L, "libbpf %s has no %s '%s'", libbpf_version_string(), e->what,
				lua_tostring(L, arg));
	else
		lua_pushfstring(L, "expected a %s: a name or a number", e->what);
	return luaL_argerror(L, arg, lua_tostring(L, -1));
}

void enum_push(lua_State *L, int id, const struct enumeration *e)
{
	const char *name = e->name(id);

	if (name)
		lua_pushstring(L, name);
	else
		lua_pushinteger(L, id);
}

void enum_set_constants(lua_State *L, const struct constant *list)
{
	for (; list->name; list++) {
		lua_pushinteger(L, list->value);
		lua_setfield(L, -2, list->name);
	}
}
