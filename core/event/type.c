#include "event/type.h"

#include "base/value.h"
#include "btf/layout.h"
#include "btf/maker.h"
#include "map/map.h"
#include "object/object.h"
#include <stdlib.h>
#include <string.h>

/* Keys in the table of names if there are several types; CODECS is keyed by type name. */
enum { PICK = 1, CODECS, FIELDS };

/* Finds the BTF in which types are looked up, of the options at ARG or of the map's object, and
 * pushes what that must be kept with.
 */
static void find_btf(lua_State *L, int arg, int map_arg, struct layout *l)
{
	struct owner *object = map_owner(L, map_arg);
	struct btf *btf = object && !object->closed ? bpf_object__btf(object_of(object)) : NULL;

	layout_read(L, arg, layout_push_base(L, object, btf), 0, l);
	lua_remove(L, -2);
	if (!l->btf)
		l->btf = btf;
}

/* Copies BTF for types that are looked up later, when the object may be closed. */
static struct btf *copy_btf(lua_State *L, const struct btf *btf)
{
	__u32 size;
	const void *data = btf__raw_data(btf, &size);
	struct btf *copy = data ? btf__new(data, size) : NULL;

	if (value_pointer_error(copy))
		luaL_error(L, "not enough memory");
	return copy;
}

/* Pushes the codec's handle. OPTS is the index of the table with `fields`. */
static struct codec *push_codec(lua_State *L, const struct btf *btf, struct owner *owner, int name,
				const struct codec_opts *opts, int arg)
{
	uint32_t type = codec_find_type(L, btf, owner, name);
	struct codec *c = type ? codec_push(L, btf, owner, type, opts) : NULL;

	if (!c && type)
		lua_pushfstring(L, "type %s has no form", value_show(L, name));
	if (!c && arg)
		luaL_argerror(L, arg, lua_pushfstring(L, "option 'type': %s", lua_tostring(L, -1)));
	if (!c)
		luaL_error(L, "this event: %s", lua_tostring(L, -1));
	return c;
}

/* Several types, of which the function on top selects one: pushes the table for that. */
static void init_several(lua_State *L, struct eventtype *t, int arg, const struct layout *l)
{
	t->btf = copy_btf(L, l->btf);
	lua_newtable(L);
	lua_insert(L, -2);
	lua_rawseti(L, -2, PICK);
	lua_newtable(L);
	lua_rawseti(L, -2, CODECS);
	lua_getfield(L, arg, "fields");
	luaL_argcheck(L, lua_isnil(L, -1) || lua_istable(L, -1), arg,
		      "option 'fields' must be a table of lists, by type");
	lua_rawseti(L, -2, FIELDS);
}

/* Pushes option `type`; or, if there is none, the number of the layout's. */
static int push_type_option(lua_State *L, int arg, const struct layout *l)
{
	lua_getfield(L, arg, "type");
	if (lua_isnil(L, -1) && l->last) {
		lua_pop(L, 1);
		lua_pushinteger(L, (lua_Integer)l->last);
	}
	return lua_type(L, -1);
}

static void refuse_consumer(lua_State *L, int fn)
{
	luaL_argerror(L, fn, "expected a function, an aggregate, or a list of aggregates");
}

/* Binds the aggregate on top to events of TYPE. The codec that needs most tells which are too
 * short. */
static void add_aggregate(lua_State *L, struct eventtype *t, const struct layout *l, uint32_t type)
{
	const struct codec *c;

	luaL_argcheck(L, type, t->opts.arg, "fields of events need option 'type' or 'layout'");
	c = aggregate_bind(L, lua_gettop(L), l->btf, l->owner, type, &t->opts);
	if (t->codec && codec_least(c) <= t->least)
		return;
	if (t->codec)
		codec_unref(t->codec);
	t->codec = codec_ref((struct codec *)c);
	t->least = codec_least(c);
}

/* What is at FN, an aggregate or a list of them, gets events of the type whose name is on top, or
 * nil. Pushes the table for that.
 */
static void init_aggregates(lua_State *L, struct eventtype *t, int fn, const struct layout *l)
{
	size_t n = lua_istable(L, fn) ? lua_rawlen(L, fn) : 1;
	struct aggregate *a;
	uint32_t type = 0;

	if (n == 0)
		refuse_consumer(L, fn);
	if (!lua_isnil(L, -1)) {
		type = codec_find_type(L, l->btf, l->owner, lua_gettop(L));
		if (!type)
			luaL_argerror(L, t->opts.arg,
				      lua_pushfstring(L, "option 'type': %s", lua_tostring(L, -1)));
	}
	t->aggregates = calloc(n + 1, sizeof(struct aggregate *));
	if (!t->aggregates)
		luaL_error(L, "not enough memory");
	for (size_t i = 0; i < n; i++) {
		if (lua_istable(L, fn))
			lua_rawgeti(L, fn, (int)i + 1);
		else
			lua_pushvalue(L, fn);
		a = aggregate_test(L, -1);
		if (!a)
			refuse_consumer(L, fn);
		t->aggregates[i] = aggregate_ref(a);
		if (aggregate_has_fields(a))
			add_aggregate(L, t, l, type);
		lua_pop(L, 1);
	}
	lua_newtable(L);
}

/* Raises if there are options that only functions have. */
static void check_aggregate_options(lua_State *L, int arg, const struct eventtype_opts *opts)
{
	lua_getfield(L, arg, "fields");
	luaL_argcheck(L, lua_isnil(L, -1) && !opts->reuse && !opts->batch, arg,
		      "options 'fields', 'reuse' and 'batch' are for functions");
	lua_pop(L, 1);
}

/* Option `batch`. */
static void init_columns(lua_State *L, struct eventtype *t, int arg)
{
	luaL_argcheck(L, !t->btf, arg, "option 'batch' needs events of one type");
	luaL_argcheck(L, !t->codec || !codec_makes_table(t->codec), arg,
		      "option 'batch' needs option 'fields'");
	t->columns = t->codec ? codec_values(t->codec) : 1;
}

/* Events of one type, whose name is on top: pushes the names of its codec. */
static void init_one(lua_State *L, struct eventtype *t, const struct layout *l)
{
	int arg = t->opts.arg;

	t->codec = codec_ref(push_codec(L, l->btf, l->owner, lua_gettop(L), &t->opts, arg));
	t->least = codec_least(t->codec);
	luaL_argcheck(L, !t->reuse || codec_makes_table(t->codec), arg,
		      "option 'reuse' needs events that are tables: no 'fields', and a structure "
		      "or an array");
	class_env(L, -1);
	if (t->reuse) {
		lua_newtable(L);
		lua_rawseti(L, -2, BATCH_REUSED);
	}
}

/* Events that are bytes. */
static void init_bytes(lua_State *L, const struct eventtype *t)
{
	lua_getfield(L, t->opts.arg, "fields");
	luaL_argcheck(L, lua_isnil(L, -1), t->opts.arg,
		      "option 'fields' needs option 'type' or 'layout'");
	luaL_argcheck(L, !t->reuse, t->opts.arg, "option 'reuse' needs option 'type' or 'layout'");
	lua_newtable(L);
}

void eventtype_init(lua_State *L, struct eventtype *t, int arg, int map_arg, int fn,
		    const struct eventtype_opts *opts)
{
	bool aggregates = fn && !lua_isnil(L, fn) && !lua_isfunction(L, fn);
	int top = lua_gettop(L), type;
	struct layout l;

	*t = (struct eventtype){.opts = opts->codec, .reuse = opts->reuse};
	if (lua_isnil(L, arg) && !aggregates) {
		lua_newtable(L);
		return;
	}
	if (lua_isnil(L, arg)) {
		lua_newtable(L);
		lua_replace(L, arg);
	}
	t->opts.arg = arg;
	find_btf(L, arg, map_arg, &l);
	type = push_type_option(L, arg, &l);
	luaL_argcheck(L,
		      type == LUA_TNIL || type == LUA_TSTRING || type == LUA_TNUMBER ||
			      type == LUA_TFUNCTION,
		      arg, "option 'type' must be a name or number, or a function");
	luaL_argcheck(L, type == LUA_TNIL || l.btf, arg,
		      "option 'type': no BTF to look it up in; use option 'layout' or 'btf'");
	if (aggregates) {
		check_aggregate_options(L, arg, opts);
		luaL_argcheck(L, type != LUA_TFUNCTION, arg,
			      "an aggregate needs events of one type");
		init_aggregates(L, t, fn, &l);
	} else if (type == LUA_TNIL) {
		init_bytes(L, t);
	} else if (type == LUA_TFUNCTION) {
		init_several(L, t, arg, &l);
	} else {
		init_one(L, t, &l);
	}
	if (opts->batch)
		init_columns(L, t, arg);
	lua_replace(L, top + 1);
	lua_settop(L, top + 1);
}

void eventtype_free(struct eventtype *t)
{
	if (t->codec)
		codec_unref(t->codec);
	btf__free(t->btf);
	for (struct aggregate **a = t->aggregates; a && *a; a++)
		aggregate_unref(*a);
	free(t->aggregates);
	*t = (struct eventtype){0};
}

/* Pushes the codec of the type whose name is on top, on its first use. The list of its fields
 * replaces the options.
 */
static struct codec *compile_event(lua_State *L, const struct eventtype *t, int names)
{
	struct codec_opts opts = t->opts;
	int name = lua_gettop(L);
	struct codec *c;

	lua_newtable(L);
	lua_rawgeti(L, names, FIELDS);
	if (lua_istable(L, -1)) {
		lua_pushvalue(L, name);
		lua_gettable(L, -2);
		lua_setfield(L, -3, "fields");
	}
	lua_pop(L, 1);
	opts.arg = lua_gettop(L);
	c = push_codec(L, t->btf, NULL, name, &opts, 0);
	lua_rawgeti(L, names, CODECS);
	lua_pushvalue(L, name);
	lua_pushvalue(L, -3);
	lua_rawset(L, -3);
	lua_pop(L, 1);
	lua_remove(L, -2);
	return c;
}

/* NAMES and AGAIN are absolute indexes, or those of upvalues. */
static int push_decoded(lua_State *L, const struct codec *c, int names, int again, const void *data,
			size_t size)
{
	if (size < codec_least(c))
		luaL_error(L, "an event has %d bytes, and its type %d", (int)size,
			   (int)codec_size(c));
	if (!again || !codec_makes_table(c) || !lua_istable(L, again))
		return codec_decode(L, c, names, data, size);
	lua_pushvalue(L, again);
	return codec_fill(L, c, names, data, size);
}

/* Pushes the name of the type that the function returned, and the values; or nil and the bytes. */
static int push_picked(lua_State *L, const struct eventtype *t, struct batch *b, int names,
		       const void *data, size_t size, bool reuses)
{
	const struct codec *c;
	int first, again = 0, n;

	names = lua_absindex(L, names);
	luaL_checktype(L, names, LUA_TTABLE);
	lua_rawgeti(L, names, PICK);
	lua_pushlstring(L, data, size);
	if (batch_call(L, b, 1, 1)) /* DATA and T belong to the buffer */
		lua_error(L);
	first = lua_gettop(L);
	if (!lua_toboolean(L, first)) {
		lua_pushlstring(L, data, size);
		return 2;
	}
	if (lua_type(L, first) != LUA_TSTRING && lua_type(L, first) != LUA_TNUMBER)
		luaL_error(L, "function 'type' must return a name or nil, not %s",
			   value_show(L, first));
	lua_rawgeti(L, names, CODECS);
	lua_pushvalue(L, first);
	lua_rawget(L, -2);
	lua_remove(L, -2);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		c = compile_event(L, t, names);
	} else {
		c = codec_check(L, first + 1);
	}
	class_env(L, -1);
	codec_check_names(L, -1);
	lua_replace(L, first + 1);
	if (reuses) {
		batch_push_table(L, first + 1, BATCH_REUSED);
		again = first + 2;
	}
	n = push_decoded(L, c, first + 1, again, data, size);
	if (again)
		lua_remove(L, again);
	lua_remove(L, first + 1);
	return 1 + n;
}

int eventtype_push_other(lua_State *L, const struct eventtype *t, struct batch *b,
			 const struct batch_places *at, const void *data, size_t size)
{
	int again = t->reuse ? at->again : 0;

	if (t->codec)
		return push_decoded(L, t->codec, at->names, again, data, size);
	if (t->btf)
		return push_picked(L, t, b, at->names, data, size, again != 0);
	lua_pushlstring(L, data, size);
	return 1;
}

void eventtype_wrap(lua_State *L, struct eventtype *t, int function, const char *form)
{
	int functions = lua_gettop(L), names = functions + 1;
	bool is_called; /* false: there is no function, for events are pulled */

	if (!t->codec)
		return;
	lua_rawgeti(L, functions, -function);
	lua_rawgeti(L, names, BATCH_REUSED);
	lua_rawgeti(L, functions, function);
	is_called = lua_isfunction(L, -1);
	/* without a function this tells whether there is code, for eventtype_wrap_next() */
	if (maker_wrap(L, t->codec, names, names + 1, 0, form)) {
		t->members = codec_members(t->codec);
		if (is_called)
			lua_rawseti(L, functions, function);
	}
	lua_settop(L, functions);
}

bool eventtype_wrap_next(lua_State *L, const struct eventtype *t, const struct batch_places *at,
			 int slow, const char *form)
{
	return t->members && maker_wrap(L, t->codec, at->names, at->again, slow, form);
}
