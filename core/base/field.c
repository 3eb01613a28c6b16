#include "base/field.h"

#include "base/enum.h"
#include "base/flags.h"
#include "base/value.h"
#include <stdio.h>
#include <string.h>

static const size_t sizes[] = {
	[FIELD_OWN] = 0,
	[FIELD_BOOL] = sizeof(bool),
	[FIELD_INT] = sizeof(int),
	[FIELD_U8] = sizeof(uint8_t),
	[FIELD_U32] = sizeof(uint32_t),
	[FIELD_U64] = sizeof(uint64_t),
	[FIELD_SIZE] = sizeof(size_t),
	[FIELD_STRING] = sizeof(const char *),
	[FIELD_PROG_TYPE] = sizeof(enum bpf_prog_type),
	[FIELD_ATTACH_TYPE] = sizeof(enum bpf_attach_type),
	[FIELD_MAP_TYPE] = sizeof(enum bpf_map_type),
	[FIELD_LINK_TYPE] = sizeof(enum bpf_link_type),
	[FIELD_ATTACH_FLAGS] = sizeof(uint32_t),
	[FIELD_FILE_FLAGS] = sizeof(uint32_t),
	[FIELD_MAP_FLAGS] = sizeof(uint32_t),
	[FIELD_PROG_FLAGS] = sizeof(uint32_t),
	[FIELD_QUERY_FLAGS] = sizeof(uint32_t),
	[FIELD_RUN_FLAGS] = sizeof(uint32_t),
	[FIELD_TC_FLAGS] = sizeof(uint32_t),
	[FIELD_NETFILTER_FLAGS] = sizeof(uint32_t),
	[FIELD_MULTI_FLAGS] = sizeof(uint32_t),
	[FIELD_FD] = sizeof(int),
	[FIELD_ADDRESS] = sizeof(uint64_t),
	[FIELD_NAME] = BPF_OBJ_NAME_LEN,
	[FIELD_TAG] = BPF_TAG_SIZE,
};

static const struct enumeration *enumeration_of(enum field_kind kind)
{
	switch (kind) {
	case FIELD_PROG_TYPE:
		return &enum_prog_type;
	case FIELD_MAP_TYPE:
		return &enum_map_type;
	case FIELD_LINK_TYPE:
		return &enum_link_type;
	default:
		return &enum_attach_type;
	}
}

static const struct flag *flag_names(enum field_kind kind)
{
	static const struct flag *const lists[] = {
		[FIELD_ATTACH_FLAGS] = flags_attach, [FIELD_FILE_FLAGS] = flags_file,
		[FIELD_MAP_FLAGS] = flags_map,       [FIELD_PROG_FLAGS] = flags_prog,
		[FIELD_QUERY_FLAGS] = flags_query,   [FIELD_RUN_FLAGS] = flags_run,
		[FIELD_TC_FLAGS] = flags_tc,         [FIELD_NETFILTER_FLAGS] = flags_netfilter,
		[FIELD_MULTI_FLAGS] = flags_multi,
	};

	return lists[kind];
}

static bool is_flags(enum field_kind kind)
{
	return kind >= FIELD_ATTACH_FLAGS && kind <= FIELD_MULTI_FLAGS;
}

const struct field *field_find(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

size_t field_end(const struct field *f)
{
	return f->offset + sizes[f->kind];
}

static void push_hex(lua_State *L, const unsigned char *bytes, size_t n)
{
	char text[2 * BPF_TAG_SIZE + 1];

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	lua_pushlstring(L, text, 2 * n);
}

void field_push(lua_State *L, const struct field *f, const void *base)
{
	const char *member = (const char *)base + f->offset;

	if (is_flags(f->kind)) {
		value_push_u32(L, *(const uint32_t *)member);
		return;
	}
	switch (f->kind) {
	case FIELD_BOOL:
		lua_pushboolean(L, *(const bool *)member);
		break;
	case FIELD_INT:
	case FIELD_FD:
		lua_pushinteger(L, *(const int *)member);
		break;
	case FIELD_U8:
		lua_pushinteger(L, *(const uint8_t *)member);
		break;
	case FIELD_U32:
		value_push_u32(L, *(const uint32_t *)member);
		break;
	case FIELD_U64:
		value_push_u64(L, *(const uint64_t *)member);
		break;
	case FIELD_ADDRESS:
		value_push_address(L, *(const uint64_t *)member);
		break;
	case FIELD_SIZE:
		value_push_u64(L, *(const size_t *)member);
		break;
	case FIELD_PROG_TYPE:
	case FIELD_ATTACH_TYPE:
	case FIELD_MAP_TYPE:
	case FIELD_LINK_TYPE:
		enum_push(L, *(const int *)member, enumeration_of(f->kind));
		break;
	case FIELD_NAME:
		lua_pushlstring(L, member, strnlen(member, BPF_OBJ_NAME_LEN));
		break;
	case FIELD_TAG:
		push_hex(L, (const unsigned char *)member, BPF_TAG_SIZE);
		break;
	default:
		lua_pushnil(L);
	}
}

void field_push_all(lua_State *L, const struct field *fields, const void *base, size_t size)
{
	for (const struct field *f = fields; f->name; f++) {
		if (field_end(f) > size)
			continue;
		field_push(L, f, base);
		lua_setfield(L, -2, f->name);
	}
}

static bool store_integer(lua_State *L, const struct field *f, char *member, int idx)
{
	uint64_t value;
	bool ok;

	if (!value_to_u64(L, idx, &value)) {
		lua_pushfstring(L, "'%s' must be an integer, not %s", f->name, value_show(L, idx));
		return false;
	}
	switch (f->kind) {
	case FIELD_INT:
		ok = (int64_t)value == (int)value;
		if (ok)
			*(int *)member = (int)value;
		break;
	case FIELD_U8:
		ok = value <= UINT8_MAX;
		if (ok)
			*(uint8_t *)member = (uint8_t)value;
		break;
	case FIELD_U32:
		ok = value <= UINT32_MAX;
		if (ok)
			*(uint32_t *)member = (uint32_t)value;
		break;
	case FIELD_SIZE:
		ok = (int64_t)value >= 0;
		if (ok)
			*(size_t *)member = value;
		break;
	default: /* FIELD_U64 */
		ok = true;
		*(uint64_t *)member = value;
	}
	if (!ok)
		lua_pushfstring(L, "'%s' is out of range", f->name);
	return ok;
}

static bool store_enum(lua_State *L, const struct field *f, char *member, int idx)
{
	const struct enumeration *e = enumeration_of(f->kind);
	int id;

	if (!enum_to_id(L, idx, e, &id)) {
		lua_pushfstring(L, "'%s' must be a known %s", f->name, e->what);
		return false;
	}
	*(int *)member = id;
	return true;
}

static bool store_flags(lua_State *L, const struct field *f, char *member, int idx)
{
	uint64_t flags;

	if (!flags_read(L, idx, flag_names(f->kind), &flags)) {
		lua_pushfstring(L, "'%s': %s", f->name, lua_tostring(L, -1));
		return false;
	}
	if (flags > UINT32_MAX) {
		lua_pushfstring(L, "'%s' is out of range", f->name);
		return false;
	}
	*(uint32_t *)member = (uint32_t)flags;
	return true;
}

static bool store_string(lua_State *L, const struct field *f, char *member, int idx)
{
	size_t len;

	if (lua_type(L, idx) != LUA_TSTRING) {
		lua_pushfstring(L, "'%s' must be a string, not %s", f->name, luaL_typename(L, idx));
		return false;
	}
	*(const char **)member = lua_tolstring(L, idx, &len);
	if (strlen(*(const char **)member) != len) {
		lua_pushfstring(L, "'%s' contains a zero byte", f->name);
		return false;
	}
	return true;
}

bool field_store(lua_State *L, const struct field *f, void *base, int idx)
{
	char *member;

	if (f->major && (f->absent || !compat_libbpf(f->major, f->minor))) {
		/* says which is too old: the running library, or the headers */
		lua_pushfstring(L, "'%s' needs libbpf %d.%d, this is %s%s", f->name, f->major,
				f->minor, libbpf_version_string(),
				compat_libbpf(f->major, f->minor) ? ", but built for an older one"
								  : "");
		return false;
	}
	member = base ? (char *)base + f->offset : NULL; /* the module stores these itself */
	if (is_flags(f->kind))
		return store_flags(L, f, member, idx);
	switch (f->kind) {
	case FIELD_OWN:
		return true;
	case FIELD_BOOL:
		if (!lua_isboolean(L, idx)) {
			lua_pushfstring(L, "'%s' must be a boolean, not %s", f->name,
					luaL_typename(L, idx));
			return false;
		}
		*(bool *)member = lua_toboolean(L, idx);
		return true;
	case FIELD_STRING:
		return store_string(L, f, member, idx);
	case FIELD_FD:
		if (value_to_fd(L, idx, (int *)member))
			return true;
		lua_pushfstring(L, "'%s': %s", f->name, lua_tostring(L, -1));
		return false;
	case FIELD_PROG_TYPE:
	case FIELD_ATTACH_TYPE:
	case FIELD_MAP_TYPE:
	case FIELD_LINK_TYPE:
		return store_enum(L, f, member, idx);
	default:
		return store_integer(L, f, member, idx);
	}
}

/* Raises for the unknown option KEY, and lists the known ones. */
static int unknown_option(lua_State *L, int arg, const char *where, const struct field *fields,
			  const char *key)
{
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	luaL_addstring(&b, where);
	luaL_addstring(&b, "unknown option '");
	luaL_addstring(&b, key);
	luaL_addstring(&b, "'; expected one of: ");
	for (const struct field *f = fields; f->name; f++) {
		luaL_addstring(&b, f->name);
		if (f[1].name)
			luaL_addstring(&b, ", ");
	}
	luaL_pushresult(&b);
	return luaL_argerror(L, arg, lua_tostring(L, -1));
}

/* Reads the table at IDX, which belongs to the argument ARG. WHERE begins what is said of it. */
static void read(lua_State *L, int idx, int arg, const char *where, const struct field *fields,
		 void *base)
{
	const struct field *f;

	lua_newtable(L);
	lua_insert(L, idx + 1);
	lua_pushnil(L);
	while (lua_next(L, idx)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_argerror(L, arg,
				      lua_pushfstring(L, "%sthe names of options must be strings",
						      where));
		f = field_find(fields, lua_tostring(L, -2));
		if (!f)
			unknown_option(L, arg, where, fields, lua_tostring(L, -2));
		else if (!field_store(L, f, base, lua_gettop(L)))
			luaL_argerror(
				L, arg,
				lua_pushfstring(L, "%soption %s", where, lua_tostring(L, -1)));
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, idx + 1);
	}
	lua_remove(L, idx);
}

void field_read(lua_State *L, int arg, const struct field *fields, void *base)
{
	if (lua_isnoneornil(L, arg))
		return;
	luaL_checktype(L, arg, LUA_TTABLE);
	read(L, arg, arg, "", fields, base);
}

void field_read_item(lua_State *L, const struct field_list *list, const struct field *fields,
		     void *base)
{
	int idx = lua_gettop(L);
	const char *where = lua_pushfstring(L, "%s[%d]: ", list->name, list->i);

	lua_insert(L, idx++);
	if (!lua_istable(L, idx))
		field_wrong_item(L, list, "must be a table");
	read(L, idx, list->arg, where, fields, base);
	lua_remove(L, idx - 1);
}

int field_wrong_item(lua_State *L, const struct field_list *list, const char *what)
{
	return luaL_argerror(L, list->arg,
			     lua_pushfstring(L, "%s[%d]: %s", list->name, list->i, what));
}
