#include "map/codec.h"

#include "base/value.h"
#include <stdio.h>
#include <string.h>

/* Indexes in the table of names. */
enum { KEY = 1, VALUE };

/* Types ---------------------------------------------------------------------------------- */

/* The type in the map's definition for MEMBER: __type(key, T). libbpf clears its own record of it
 * when it loads some kinds of maps.
 */
static uint32_t defined_type(const struct btf *btf, const char *map, const char *member)
{
	int section = btf__find_by_name_kind(btf, ".maps", BTF_KIND_DATASEC);
	const struct btf_type *t = section > 0 ? btf__type_by_id(btf, (uint32_t)section) : NULL;

	for (uint32_t i = 0; t && i < btf_vlen(t); i++) {
		const struct btf_type *var = btf__type_by_id(btf, btf_var_secinfos(t)[i].type);
		const struct btf_type *def, *pointer;
		int id;

		if (!var || strcmp(btf__name_by_offset(btf, var->name_off), map) != 0)
			continue;
		id = btf__resolve_type(btf, var->type);
		def = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
		for (uint32_t j = 0; def && btf_is_struct(def) && j < btf_vlen(def); j++) {
			const struct btf_member *is = btf_members(def) + j;

			pointer = btf__type_by_id(btf, is->type);
			if (pointer && btf_is_ptr(pointer) &&
			    strcmp(btf__name_by_offset(btf, is->name_off), member) == 0)
				return pointer->type;
		}
	}
	return 0;
}

/* A type, and what it is of. */
struct part_type {
	const struct btf *btf; /* NULL: there is none */
	struct owner *owner;
	uint32_t id; /* 0: none */
};

/* Sets *HELD to the codec of a type for SIZE bytes; its names go into the table on top. NULL:
 * bytes. */
static void find_codec(lua_State *L, const struct part_type *type, size_t size, int which,
		       const struct codec_opts *opts, struct codec **held)
{
	struct codec *c = type->btf && type->id
				  ? codec_push(L, type->btf, type->owner, type->id, opts)
				  : NULL;
	struct codec *old;

	if (!c)
		return;
	if (codec_size(c) == size) {
		old = *held;          /* a finalizer may have used the map meanwhile */
		*held = codec_ref(c); /* the code below may raise */
		if (old)
			codec_unref(old);
		class_env(L, -1);
		lua_rawseti(L, -3, which);
	}
	lua_pop(L, 1);
}

/* Raises unless values of the type, which OPTION gives, have the size. */
static void check_size(lua_State *L, const struct part_type *type, const char *option, size_t size,
		       int arg)
{
	int64_t has = btf__resolve_size(type->btf, type->id);
	const struct btf_type *t = btf__type_by_id(type->btf, type->id);
	const char *name = btf__name_by_offset(type->btf, t->name_off);

	if ((size_t)has != size)
		luaL_argerror(L, arg,
			      lua_pushfstring(L, "option '%s': type '%s' has %d bytes, not %d",
					      option, name ? name : "", (int)has, (int)size));
}

/* Replaces the type by that which the options name: by OPTION, or by a layout alone, which is that
 * of the value.
 */
static void find_named(lua_State *L, struct part_type *type, const char *option, size_t size,
		       const struct mapcodec_opts *opts)
{
	const struct layout *l = &opts->types;
	int arg = opts->arg;

	if (!arg || lua_isnoneornil(L, arg))
		return;
	lua_getfield(L, arg, option);
	if (lua_isnil(L, -1) && (!l->last || option[0] == 'k')) {
		lua_pop(L, 1);
		return;
	}
	if (l->btf)
		*type = (struct part_type){l->btf, l->owner, l->last};
	if (!type->btf)
		luaL_argerror(
			L, arg,
			lua_pushfstring(L, "option '%s': there is no BTF; use 'layout'", option));
	if (lua_isnil(L, -1)) {
		check_size(L, type, "layout", size, arg);
		lua_pop(L, 1);
		return;
	}
	type->id = codec_find_type(L, type->btf, type->owner, -1);
	if (!type->id)
		luaL_argerror(L, arg,
			      lua_pushfstring(L, "option '%s': %s", option, lua_tostring(L, -1)));
	check_size(L, type, option, size, arg);
	lua_pop(L, 1);
}

static bool has_descriptors(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_SOCKHASH:
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
		return true;
	default:
		return false;
	}
}

/* Are keys without a type integers, by the type of the map? */
static bool has_indices(const struct mapfd *m)
{
	return m->key_size == sizeof(uint32_t) &&
	       (mapfd_is_array(m->type) || m->type == BPF_MAP_TYPE_STACK_TRACE);
}

static void add_needs(struct mapcodec *m, const struct codec *c)
{
	if (!c)
		return;
	m->needs_enum_names |= codec_needs_enum_names(c);
	m->needs_names |= codec_needs_names(c) || codec_needs_enum_names(c);
}

static void init_key(lua_State *L, struct mapcodec *m, struct part_type type,
		     const struct mapcodec_opts *opts)
{
	struct codec_opts plain = opts->codec;

	plain.arg = 0;
	find_named(L, &type, "key", m->map.key_size, opts);
	find_codec(L, &type, m->map.key_size, KEY, &plain, &m->key);
	m->has_indices = !m->key && has_indices(&m->map);
}

static void init_value(lua_State *L, struct mapcodec *m, struct part_type type,
		       const struct mapcodec_opts *opts)
{
	struct part_type own = type;

	find_named(L, &type, "value", m->map.value_size, opts);
	m->takes_fds = has_descriptors(m->map.type);
	m->has_stacks =
		m->map.type == BPF_MAP_TYPE_STACK_TRACE && type.btf == own.btf && type.id == own.id;
	if (!m->takes_fds && !m->has_stacks)
		find_codec(L, &type, m->map.value_size, VALUE, &opts->codec, &m->value);
}

void mapcodec_init(lua_State *L, struct mapcodec *m, const struct btf *btf, const char *name,
		   uint32_t key, uint32_t value, const struct mapcodec_opts *opts)
{
	mapcodec_free(m);
	m->has_indices = m->has_stacks = false;
	if (name && btf) {
		key = defined_type(btf, name, "key");
		value = defined_type(btf, name, "value");
	}
	if (!opts->raw_key)
		init_key(L, m, (struct part_type){btf, NULL, key}, opts);
	if (!opts->raw_value)
		init_value(L, m, (struct part_type){btf, NULL, value}, opts);
	m->needs_names = m->needs_enum_names = false;
	add_needs(m, m->key);
	add_needs(m, m->value);
}

void mapcodec_free(struct mapcodec *m)
{
	if (m->key)
		codec_unref(m->key);
	if (m->value)
		codec_unref(m->value);
	m->key = m->value = NULL;
}

/* Values --------------------------------------------------------------------------------- */

int mapcodec_values(const struct mapcodec *m)
{
	return m->value ? codec_values(m->value) : 1;
}

static int push_part_names(lua_State *L, const struct codec *c, int table, int which)
{
	if (!c || !(codec_needs_names(c) || codec_needs_enum_names(c)))
		return 0;
	luaL_checktype(L, table, LUA_TTABLE);
	lua_rawgeti(L, table, which);
	return lua_gettop(L);
}

struct mapcodec_names mapcodec_push_names(lua_State *L, const struct mapcodec *m, int table)
{
	struct mapcodec_names names;

	names.key = push_part_names(L, m->key, table, KEY);
	names.value = push_part_names(L, m->value, table, VALUE);
	return names;
}

/* Decodes with the names of the codec, into the table at INTO if that is one. */
static int decode_part(lua_State *L, const struct codec *c, int names, const void *data, int into)
{
	if (codec_needs_names(c))
		codec_check_names(L, names);
	if (into && codec_makes_table(c) && lua_istable(L, into)) {
		lua_pushvalue(L, into);
		return codec_fill(L, c, names, data, codec_size(c));
	}
	return codec_decode(L, c, names, data, codec_size(c));
}

int mapcodec_push_key(lua_State *L, const struct mapcodec *m, int names, const void *data, int into)
{
	uint32_t index;

	if (m->key)
		return decode_part(L, m->key, names, data, into);
	if (!m->has_indices) {
		lua_pushlstring(L, data, m->map.key_size);
		return 1;
	}
	memcpy(&index, data, sizeof(index));
	value_push_u32(L, index);
	return 1;
}

/* Pushes a list with an element for each CPU, for each value of the codec, or for the bytes. */
static int push_per_cpu(lua_State *L, const struct mapcodec *m, int names, const char *data,
			size_t size)
{
	int lists = mapcodec_values(m), first = lua_gettop(L) + 1;
	size_t stride = (m->map.value_size + 7) / 8 * 8;

	luaL_checkstack(L, lists + 4, "too many fields");
	for (int i = 0; i < lists; i++) {
		lua_createtable(L, (int)(size / stride), 0);
		luaL_getmetatable(L, MAPCODEC_PER_CPU);
		lua_setmetatable(L, -2);
	}
	for (size_t cpu = 0; cpu * stride < size; cpu++) {
		if (m->value)
			decode_part(L, m->value, names, data + cpu * stride, 0);
		else
			lua_pushlstring(L, data + cpu * stride, m->map.value_size);
		for (int i = lists; i-- > 0;)
			lua_rawseti(L, first + i, (int)cpu + 1);
	}
	return lists;
}

/* Pushes what the kernel returns for an element that was written as a descriptor: an id, or a
 * socket's cookie.
 */
static int push_object_id(lua_State *L, const void *data, size_t size)
{
	uint64_t cookie;
	uint32_t id;

	memcpy(&id, data, sizeof(id));
	if (size == sizeof(cookie)) {
		memcpy(&cookie, data, sizeof(cookie));
		value_push_u64(L, cookie);
	} else {
		value_push_u32(L, id);
	}
	return 1;
}

/* A stack trace with build ids: for each frame the file's build id and the offset in it, or an
 * address. */
static void push_build_ids(lua_State *L, const char *data, size_t size)
{
	struct bpf_stack_build_id frame;
	char id[2 * sizeof(frame.build_id) + 1];

	lua_newtable(L);
	for (int i = 1; size >= sizeof(frame); i++, data += sizeof(frame), size -= sizeof(frame)) {
		memcpy(&frame, data, sizeof(frame));
		if (frame.status == BPF_STACK_BUILD_ID_EMPTY)
			return;
		lua_newtable(L);
		value_push_address(L, frame.ip); /* or the offset, which is in the same place */
		if (frame.status == BPF_STACK_BUILD_ID_VALID) {
			for (size_t b = 0; b < sizeof(frame.build_id); b++)
				snprintf(id + 2 * b, 3, "%02x", frame.build_id[b]);
			lua_setfield(L, -2, "offset");
			lua_pushstring(L, id);
			lua_setfield(L, -2, "build_id");
		} else {
			lua_setfield(L, -2, "ip");
		}
		lua_rawseti(L, -2, i);
	}
}

/* A stack trace ends with the first address that is 0, or at the end of the value. */
static int push_stack(lua_State *L, const struct mapfd *m, const char *data, size_t size)
{
	uint64_t address;

	if (m->map_flags & BPF_F_STACK_BUILD_ID) {
		push_build_ids(L, data, size);
		return 1;
	}
	lua_newtable(L);
	for (int i = 1; size >= sizeof(address); i++) {
		memcpy(&address, data, sizeof(address));
		if (!address)
			break;
		value_push_address(L, address);
		lua_rawseti(L, -2, i);
		data += sizeof(address);
		size -= sizeof(address);
	}
	return 1;
}

bool mapcodec_fills_value(const struct mapcodec *m, uint64_t flags)
{
	return m->value && !m->takes_fds && !m->has_stacks &&
	       !mapfd_is_of_all_cpus(&m->map, flags) && codec_makes_table(m->value);
}

bool mapcodec_has_members(const struct mapcodec *m)
{
	return mapcodec_fills_value(m, 0) && codec_members(m->value);
}

int mapcodec_push_members(lua_State *L, const struct mapcodec *m, int names, const void *data,
			  int into)
{
	codec_check_names(L, names);
	return codec_push_members(L, m->value, names, into, data, m->map.value_size);
}

int mapcodec_push_value(lua_State *L, const struct mapcodec *m, int names, const void *data,
			uint64_t flags, int into)
{
	size_t size = m->map.value_size;

	if (mapfd_is_of_all_cpus(&m->map, flags))
		return push_per_cpu(L, m, names, data, mapfd_value_size(L, &m->map, flags));
	if (m->value)
		return decode_part(L, m->value, names, data, into);
	if (m->takes_fds && size >= sizeof(uint32_t))
		return push_object_id(L, data, size);
	if (m->has_stacks)
		return push_stack(L, &m->map, data, size);
	lua_pushlstring(L, data, size);
	return 1;
}

static const char *entry_name(lua_State *L, int entry)
{
	return entry ? lua_pushfstring(L, "[%d]", entry) : NULL;
}

/* Raises the message on top of the stack, about argument ARG, or about an entry of it. */
static void refuse_entry(lua_State *L, int arg, int entry)
{
	if (entry)
		lua_pushfstring(L, "[%d]: %s", entry, lua_tostring(L, -1));
	luaL_argerror(L, arg, lua_tostring(L, -1));
}

/* Raises an error about the value at IDX, which should have SIZE bytes; WHAT is "key" or "value".
 */
static void refuse_bytes(lua_State *L, int idx, size_t size, const char *what, int arg, int entry)
{
	if (lua_type(L, idx) == LUA_TSTRING)
		lua_pushfstring(L, "a %s of this map has %d bytes, not %d", what, (int)size,
				(int)lua_rawlen(L, idx));
	else if (size == 0)
		lua_pushfstring(L, "a map of this type has no %ss", what);
	else
		lua_pushfstring(
			L,
			"%ss are bytes here: expected a string of %d bytes, got %s; use option "
			"'%s' of map:view() or lbpf.map() to name a type",
			what, (int)size, luaL_typename(L, idx), what);
	refuse_entry(L, arg, entry);
}

static bool is_bytes(lua_State *L, int idx, size_t size, const struct codec *c)
{
	return lua_type(L, idx) == LUA_TSTRING && lua_rawlen(L, idx) == size &&
	       (!c || codec_takes_bytes(c));
}

static void encode_index(lua_State *L, int idx, void *out, int arg, int entry)
{
	uint64_t value;
	uint32_t index;

	if (lua_type(L, idx) == LUA_TSTRING || !value_to_u64(L, idx, &value) ||
	    value > UINT32_MAX) {
		lua_pushfstring(L, "expected an integer from 0 to 2^32 - 1, or its 4 bytes, got %s",
				value_show(L, idx));
		refuse_entry(L, arg, entry);
	}
	index = (uint32_t)value;
	memcpy(out, &index, sizeof(index));
}

const void *mapcodec_key(lua_State *L, const struct mapcodec *m, int names, int idx, void *out,
			 int arg, int entry)
{
	size_t size = m->map.key_size;

	if (size == 0 && lua_isnoneornil(L, idx))
		return NULL;
	if (is_bytes(L, idx, size, m->key))
		return size ? lua_tostring(L, idx) : NULL;
	if (m->has_indices) {
		encode_index(L, idx, out, arg, entry);
		return out;
	}
	if (!m->key)
		refuse_bytes(L, idx, size, "key", arg, entry);
	codec_encode(L, m->key, names, idx, out, size, arg, entry ? entry_name(L, entry) : NULL);
	if (entry)
		lua_pop(L, 1);
	return out;
}

/* The bytes of one CPU's value, padded or not. */
static void copy_bytes(lua_State *L, const struct mapcodec *m, int idx, char *out, size_t stride,
		       int arg, int cpu)
{
	size_t len = lua_type(L, idx) == LUA_TSTRING ? lua_rawlen(L, idx) : 0;

	if (len == m->map.value_size || (len && len == stride))
		memcpy(out, lua_tostring(L, idx), len);
	else
		refuse_bytes(L, idx, m->map.value_size, "value", arg, cpu);
}

static void encode_per_cpu(lua_State *L, const struct mapcodec *m, int names, int idx, char *out,
			   size_t size, int arg, int entry)
{
	size_t stride = (m->map.value_size + 7) / 8 * 8, n = size / stride;

	memset(out, 0, size);
	if (!lua_istable(L, idx) || lua_rawlen(L, idx) != n) {
		if (lua_istable(L, idx))
			lua_pushfstring(L, "one of %d", (int)lua_rawlen(L, idx));
		lua_pushfstring(L, "expected a list of %d values, one for each CPU, got %s", (int)n,
				lua_istable(L, idx) ? lua_tostring(L, -1) : value_show(L, idx));
		refuse_entry(L, arg, entry);
	}
	for (size_t cpu = 0; cpu < n; cpu++) {
		const char *name = entry_name(L, (int)cpu + 1);
		char *at = out + cpu * stride;

		lua_rawgeti(L, idx, (int)cpu + 1);
		if (m->value)
			codec_encode(L, m->value, names, lua_gettop(L), at, codec_size(m->value),
				     arg, name);
		else
			copy_bytes(L, m, lua_gettop(L), at, stride, arg, (int)cpu + 1);
		lua_pop(L, 2);
	}
}

const void *mapcodec_value(lua_State *L, const struct mapcodec *m, int names, int idx, void *out,
			   uint64_t flags, int arg, int entry)
{
	size_t size = mapfd_value_size(L, &m->map, flags);
	bool is_list = mapfd_is_of_all_cpus(&m->map, flags);
	int number;

	/* where a list is due no string can be meant otherwise */
	if (is_bytes(L, idx, size, is_list ? NULL : m->value))
		return size ? lua_tostring(L, idx) : NULL;
	if (m->takes_fds && size >= sizeof(number)) {
		if (!value_to_fd(L, idx, &number))
			refuse_entry(L, arg, entry);
		memset(out, 0, size);
		memcpy(out, &number, sizeof(number));
		return out;
	}
	if (!m->value && !(lua_istable(L, idx) && is_list))
		refuse_bytes(L, idx, size, "value", arg, entry);
	if (is_list) {
		encode_per_cpu(L, m, names, idx, out, size, arg, entry);
		return out;
	}
	codec_encode(L, m->value, names, idx, out, codec_size(m->value), arg,
		     entry ? entry_name(L, entry) : NULL);
	if (entry)
		lua_pop(L, 1);
	return out;
}
