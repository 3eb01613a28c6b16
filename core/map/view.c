#include "map/view.h"

#include "base/fd.h"
#include "base/field.h"
#include "base/value.h"
#include "btf/btf.h"
#include "map/map.h"
#include "object/object.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** Views of maps
@section views
@usage local key, value = object.maps.flows:types()
print(key.name, value.name)
local view = assert(lbpf.map(object.maps.flows))
print(view:fd())
assert(view:close())
*/

static const char VIEW[] = "lbpf.map_view";

struct map_view {
	struct mapcodec view; /* first */
	int fd;               /* its own descriptor; -1: none, or closed */
	struct btf *btf;      /* used while the view is created */
};

/* Access --------------------------------------------------------------------------------- */

const struct mapcodec *mapview_check(lua_State *L, int arg, struct mapcodec *plain)
{
	const struct mapcodec *m = map_codec(L, arg);
	const struct map_view *own;

	if (m)
		return m;
	own = class_test(L, arg, VIEW);
	if (own && own->view.owner)
		owner_check(L, own->view.owner);
	else if (own && own->fd < 0)
		luaL_error(L, "%s is closed", own->view.map.name);
	if (own)
		return &own->view;
	*plain = (struct mapcodec){0};
	mapfd_check(L, arg, &plain->map);
	return plain;
}

const struct mapcodec *mapview_known(lua_State *L, int idx)
{
	const struct mapcodec *m = map_known_codec(L, idx);
	const struct map_view *own = m ? NULL : class_test(L, idx, VIEW);

	if (own && (own->view.owner ? !own->view.owner->closed : own->fd >= 0))
		m = &own->view;
	return m;
}

void mapview_push_names(lua_State *L, int arg, const struct mapcodec *m)
{
	if (!m->needs_names) {
		lua_pushnil(L);
		return;
	}
	class_env(L, arg);
	compat_rawgetp(L, -1, m);
	luaL_argcheck(L, lua_istable(L, -1), arg, "its names are gone");
	lua_remove(L, -2);
}

/* Creating views -------------------------------------------------------------------------- */

/* Options of lbpf.map(). */
struct map_opts {
	struct mapcodec_opts view; /* first */
	uint32_t file_flags;
};

/* Reads option `raw` of the table at ARG: true, "key" or "value". */
static void read_raw(lua_State *L, int arg, struct mapcodec_opts *opts)
{
	const char *raw;

	if (lua_isnoneornil(L, arg))
		return;
	lua_getfield(L, arg, "raw");
	raw = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
	opts->raw_key = strcmp(raw, "key") == 0;
	opts->raw_value = strcmp(raw, "value") == 0;
	if (lua_isboolean(L, -1))
		opts->raw_key = opts->raw_value = lua_toboolean(L, -1);
	else if (!lua_isnil(L, -1) && !opts->raw_key && !opts->raw_value)
		luaL_argerror(L, arg, "option 'raw' must be a boolean, \"key\" or \"value\"");
	lua_pop(L, 1);
}

/* Reads the options at ARG of map:view(). */
static void read_view_opts(lua_State *L, int arg, struct mapcodec_opts *opts)
{
	static const struct field fields[] = {
		CODEC_FIELDS,           FIELD_BY_MODULE("raw"),
		FIELD_BY_MODULE("key"), FIELD_BY_MODULE("value"),
		LAYOUT_FIELDS,          FIELDS_END,
	};

	*opts = (struct mapcodec_opts){.arg = arg, .codec.arg = arg};
	field_read(L, arg, fields, opts);
	read_raw(L, arg, opts);
}

/* Raises if the options ask for fields, but values are bytes. */
static void check_fields(lua_State *L, const struct mapcodec *v, int arg)
{
	if (v->value || lua_isnoneornil(L, arg))
		return;
	lua_getfield(L, arg, "fields");
	luaL_argcheck(L, lua_isnil(L, -1), arg, "option 'fields': the map's values are bytes");
	lua_pop(L, 1);
}

/* Pushes a view, then the table of its names, which it keeps. */
static struct map_view *push_view(lua_State *L)
{
	struct map_view *v = class_push(L, VIEW, sizeof(*v), 0);

	v->fd = -1;
	class_env(L, -1);
	lua_newtable(L);
	lua_pushvalue(L, -1);
	compat_rawsetp(L, -3, &v->view);
	lua_remove(L, -2);
	return v;
}

/*** Creates another view of the same map.
@function map:view
@tparam table opts `raw`: true: keys and values are bytes; "key", "value": only those are; `fields`:
only these fields of a value, each as a result of its own: `for key, pid, comm in map:view{fields =
{"pid", "comm"}}:pairs()`; `bytes`, `enum_names`, `numbers`: as for `object:codec`; `key`, `value`:
names of types, if the map's definition has none; `layout`: their declarations in C, see
`lbpf.layout`, of which the last is the value's type without `value`; `btf`: BTF that has them
@treturn map_view with the methods for elements
@raise if the map does not exist; if there is no such type, or it has another size
@usage for flow, packets in object.maps.flows:view({fields = {"packets"}}):pairs() do
  print(flow.port, packets)
end
*/
static int map_view_method(lua_State *L)
{
	const struct mapcodec *of = map_codec(L, 1);
	struct bpf_map *map = map_check(L, 1, NULL);
	struct owner *owner = map_owner(L, 1);
	struct btf *btf = bpf_object__btf(object_of(owner));
	struct mapcodec_opts opts;
	struct map_view *v;

	luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 2);
	read_view_opts(L, 2, &opts);
	layout_read(L, 2, layout_push_base(L, owner, btf), 0, &opts.types);
	lua_remove(L, -2);
	v = push_view(L);
	v->view.owner = owner_ref(owner);
	v->view.map = of->map;
	mapcodec_init(L, &v->view, btf, bpf_map__name(map), 0, 0, &opts);
	check_fields(L, &v->view, 2);
	lua_settop(L, 4);
	return 1;
}

/* Reads the types of a map from the kernel into *BTF. Returns 0 or -errno. */
static int kernel_types(int fd, struct btf **btf, uint32_t *key, uint32_t *value)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &size);

	*btf = NULL;
	if (err)
		return -value_errno(err);
	*key = info.btf_key_type_id;
	*value = info.btf_value_type_id;
	if (!info.btf_id)
		return 0;
	*btf = btf__load_from_kernel_by_id(info.btf_id);
	err = -value_pointer_error(*btf);
	if (err)
		*btf = NULL;
	return err;
}

/* Opens the argument at 1, a path, or duplicates it, a descriptor. */
static int open_map(lua_State *L, uint32_t file_flags)
{
	struct bpf_obj_get_opts opts = {.sz = sizeof(opts), .file_flags = file_flags};
	int fd;

	if (lua_type(L, 1) == LUA_TSTRING) {
		fd = bpf_obj_get_opts(lua_tostring(L, 1), &opts);
		return fd < 0 ? -value_errno(fd) : fd;
	}
	luaL_argcheck(L, !file_flags, 2, "option 'file_flags' needs a path");
	fd = fcntl(value_check_fd(L, 1), F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

/* The map's full name, from the BTF of its file: the kernel truncates it. NULL if there is none. */
static const char *name_in(const struct btf *btf, int fd)
{
	int section = btf__find_by_name_kind(btf, ".maps", BTF_KIND_DATASEC);
	const struct btf_type *t = section > 0 ? btf__type_by_id(btf, (uint32_t)section) : NULL;
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	const char *found = NULL;

	if (!t || bpf_obj_get_info_by_fd(fd, &info, &size))
		return NULL;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *var = btf__type_by_id(btf, btf_var_secinfos(t)[i].type);
		const char *name = var ? btf__name_by_offset(btf, var->name_off) : NULL;

		if (!name || strncmp(name, info.name, sizeof(info.name) - 1) != 0)
			continue;
		if (strcmp(name, info.name) == 0)
			return name;
		found = strlen(info.name) == sizeof(info.name) - 1 ? name : found;
	}
	return found;
}

static void read_map_opts(lua_State *L, int arg, struct map_opts *opts)
{
	static const struct field fields[] = {
		CODEC_FIELDS,
		FIELD_BY_MODULE("raw"),
		FIELD_BY_MODULE("key"),
		FIELD_BY_MODULE("value"),
		FIELD(struct map_opts, file_flags, FIELD_FILE_FLAGS),
		LAYOUT_FIELDS,
		FIELDS_END,
	};

	*opts = (struct map_opts){.view.arg = arg, .view.codec.arg = arg};
	field_read(L, arg, fields, opts);
	read_raw(L, arg, &opts->view);
}

/*** Opens a map that is pinned, or that something else created. The types of its keys and values
come from option `btf`, or else from the kernel, which requires CAP_SYS_ADMIN for that.
@function map
@tparam string|integer|fd|map from a path in a BPF file system, or a descriptor, which is duplicated
@tparam ?table opts as for `map:view`; `btf`: the BTF of the object that defines the map, see
`btf_parse` and `object:btf`; `file_flags`: "rdonly" or "wronly", for a path. With `btf`, `layout`
or `raw` only the access that the file's mode allows is needed
@treturn map_view
@fails EPERM if the kernel does not show the types
@raise if there is no such type, or it has another size
@usage assert(object.maps.limits:pin("/sys/fs/bpf/limits"))
local limits = assert(lbpf.map("/sys/fs/bpf/limits", {btf = object:btf()}))
print(limits:lookup(1))
object.maps.limits:unpin("/sys/fs/bpf/limits")
@see bpf_obj_get
*/
static int view_new(lua_State *L)
{
	uint32_t key = 0, value = 0;
	const struct btf *btf;
	struct map_opts opts;
	struct map_view *v;
	int err = 0;

	lua_settop(L, 2);
	read_map_opts(L, 2, &opts);
	layout_read(L, 2, 0, 0, &opts.view.types);
	btf = opts.view.types.last ? NULL : opts.view.types.btf;
	v = push_view(L);
	v->fd = open_map(L, opts.file_flags);
	if (v->fd < 0)
		return value_fail(L, -v->fd, "map%s%s%s", lua_isstring(L, 1) ? " '" : "",
				  lua_isstring(L, 1) ? lua_tostring(L, 1) : "",
				  lua_isstring(L, 1) ? "'" : "");
	lua_pushinteger(L, v->fd);
	lua_replace(L, 1);
	mapfd_check(L, 1, &v->view.map);
	if ((!opts.view.raw_key || !opts.view.raw_value) && !btf)
		err = kernel_types(v->fd, &v->btf, &key, &value);
	if (err && !opts.view.types.last)
		return mapfd_fail(L, &v->view.map, -err, "map: types");
	mapcodec_init(L, &v->view, btf ? btf : v->btf, btf ? name_in(btf, v->fd) : NULL, key, value,
		      &opts.view);
	check_fields(L, &v->view, 2);
	btf__free(v->btf);
	v->btf = NULL;
	lua_settop(L, 4);
	return 1;
}

static struct map_view *check_view(lua_State *L)
{
	struct map_view *v = class_check(L, 1, VIEW);

	mapview_check(L, 1, NULL);
	return v;
}

/*** The map's descriptor. The view owns it.
@function map_view:fd
@treturn integer
*/
static int view_fd(lua_State *L)
{
	lua_pushinteger(L, check_view(L)->view.map.fd);
	return 1;
}

/*** Closes a view that has a descriptor of its own. A second call has no effect.
@function map_view:close
@treturn boolean true
*/
static int view_close(lua_State *L)
{
	struct map_view *v = class_check(L, 1, VIEW);

	if (v->fd >= 0) {
		close(v->fd);
		v->view.map.fd = -1; /* another call may be about to use it */
	}
	v->fd = -1;
	lua_pushboolean(L, 1);
	return 1;
}

static int view_gc(lua_State *L)
{
	struct map_view *v = class_retire(L, VIEW);

	v->view.map.fd = -1; /* compiled code may still refer to it */
	if (v->fd >= 0)
		close(v->fd);
	if (v->view.owner)
		owner_unref(v->view.owner);
	mapcodec_free(&v->view);
	btf__free(v->btf);
	return 0;
}

static int view_tostring(lua_State *L)
{
	const struct map_view *v = class_check(L, 1, VIEW);
	bool closed = v->view.owner ? v->view.owner->closed : v->fd < 0;

	lua_pushfstring(L, "lbpf.map_view: %s%s", v->view.map.name, closed ? " (closed)" : "");
	return 1;
}

/* Types of keys and values ---------------------------------------------------------------- */

/* Pushes the type of each of the codec's values; nil for bytes. Returns how many. */
static int push_types(lua_State *L, const struct codec *c)
{
	int n = c ? codec_values(c) : 1, list;

	if (!c) {
		lua_pushnil(L);
		return 1;
	}
	luaL_checkstack(L, n + 4, "too many fields");
	codec_describe(L, c);
	list = lua_gettop(L);
	for (int i = 1; i <= n; i++)
		lua_rawgeti(L, list, i);
	lua_remove(L, list);
	return n;
}

/*** Returns the types of keys and values. A type is a table with `kind`: "unsigned", "signed",
"bool", "float", "enum", "string" (an array of char), "bytes" (no other representation), "struct"
(or a union) or "array"; and with `size` in bytes. The type of a structure is also a list of the
types of its members, each with its `name`. That of an array has the type of its elements at 1,
their size as `size`, and `count`.
@function map:types
@treturn ?table the type of the keys; nil if they are bytes
@treturn ?table the type of the values; with `fields` one result for each field
*/
static int map_types(lua_State *L)
{
	struct mapcodec plain;
	const struct mapcodec *m = mapview_check(L, 1, &plain);
	int n = push_types(L, m->key);

	return n + push_types(L, m->value);
}

void mapview_add_methods(lua_State *L, const luaL_Reg *methods)
{
	map_add_methods(L, methods);
	class_add_methods(L, VIEW, methods);
}

void mapview_open(lua_State *L)
{
	static const luaL_Reg methods[] = {{"fd", view_fd}, {"close", view_close}, {NULL, NULL}};
	static const luaL_Reg meta[] = {{"__gc", view_gc},
					{"__close", view_close},
					{"__pairs", class_pairs},
					{"__tostring", view_tostring},
					{NULL, NULL}};
	static const luaL_Reg map_methods[] = {{"view", map_view_method}, {NULL, NULL}};
	static const luaL_Reg both[] = {{"types", map_types}, {NULL, NULL}};
	static const luaL_Reg none[] = {{NULL, NULL}};

	class_new(L, VIEW, methods, meta);
	map_add_methods(L, map_methods);
	mapview_add_methods(L, both);
	class_new(L, MAPCODEC_PER_CPU, none, none);
	luaL_getmetatable(L, MAPCODEC_PER_CPU);
	lua_getfield(L, -1, "__index");
	lua_setfield(L, -3, "per_cpu");
	lua_pop(L, 1);
	lua_pushcfunction(L, view_new);
	lua_setfield(L, -2, "map");
}
