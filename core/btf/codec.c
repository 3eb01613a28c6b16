#include "btf/codec.h"

#include "base/class.h"
#include "base/field.h"
#include "base/value.h"
#include "btf/btf.h"
#include "btf/codec_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char CODEC[] = "lbpf.codec";

/*** @module lbpf */
/*** Types as values
@section codec
*/

struct codec_handle {
	struct codec *codec;
};

/* Stores the names of an enum, by value, in the table on top of the stack. */
static void push_enum_names(lua_State *L, const struct btf *btf, uint32_t type, bool is_signed)
{
	const struct btf_type *t = btf__type_by_id(btf, type);

	lua_newtable(L);
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		bool is_64 = btf_kind(t) == BTF_KIND_ENUM64;
		uint32_t name = is_64 ? btf_enum64(t)[i].name_off : btf_enum(t)[i].name_off;
		int64_t value =
			is_64 ? (int64_t)btf_enum64_value(btf_enum64(t) + i) : btf_enum(t)[i].val;

		if (!is_64 && !is_signed)
			value = (uint32_t)value;
		lua_pushinteger(L, (lua_Integer)value);
		lua_pushstring(L, btf__name_by_offset(btf, name));
		lua_rawset(L, -3);
	}
}

static void collect_names(lua_State *L, const struct codec *c, const struct btf *btf,
			  bool enum_names)
{
	for (uint32_t i = 0; i < c->plan.n; i++) {
		const struct step *s = &c->plan.steps[i];

		if (s->name) {
			lua_pushstring(L, s->name);
			lua_rawseti(L, -2, (int)i + 1);
		}
		if (s->kind == STEP_ENUM && enum_names) {
			push_enum_names(L, btf, s->type, s->is_signed);
			lua_rawseti(L, -2, -(int)i - 1);
		}
	}
}

/* Reads option `fields` of the table at OPTS into the codec. */
static void read_parts(lua_State *L, struct codec *c, int opts)
{
	size_t n;

	lua_getfield(L, opts, "fields");
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return;
	}
	luaL_argcheck(L, lua_istable(L, -1) && lua_rawlen(L, -1) > 0, opts,
		      "option 'fields' must be a list of names");
	n = lua_rawlen(L, -1);
	luaL_argcheck(L, n <= 200, opts, "option 'fields' has too many names");
	c->parts = calloc(n, sizeof(*c->parts));
	if (!c->parts)
		luaL_error(L, "not enough memory");
	for (c->n_parts = 0; c->n_parts < n; c->n_parts++) {
		struct codec_part *part = &c->parts[c->n_parts];
		uint32_t offset = 0;

		lua_rawgeti(L, -1, (int)c->n_parts + 1);
		if (lua_type(L, -1) == LUA_TSTRING)
			part->step = plan_find(&c->plan, lua_tostring(L, -1), &offset);
		if (!part->step)
			luaL_argerror(L, opts,
				      lua_pushfstring(L, "option 'fields': there is no '%s'",
						      lua_tostring(L, -1)));
		else
			part->base = offset - part->step->offset;
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

uint32_t codec_find_type(const struct btf *btf, const char *name)
{
	static const struct {
		const char *prefix;
		uint32_t kind;
	} kinds[] = {
		{"struct ", BTF_KIND_STRUCT}, {"union ", BTF_KIND_UNION}, {"enum ", BTF_KIND_ENUM}};
	int id;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].prefix);

		if (strncmp(name, kinds[i].prefix, len) == 0)
			id = btf__find_by_name_kind(btf, name + len, kinds[i].kind);
		else
			id = btf__find_by_name_kind(btf, name, kinds[i].kind);
		if (id > 0)
			return (uint32_t)id;
	}
	id = btf__find_by_name(btf, name);
	return id > 0 ? (uint32_t)id : 0;
}

uint32_t codec_find_part(const struct btf *btf, uint32_t type, const char *path, uint32_t *offset)
{
	const struct step *s;
	struct plan plan;
	uint32_t part;

	if (plan_compile(&plan, btf, type))
		return 0;
	s = plan_find(&plan, path, offset);
	part = s && !s->bits ? s->type : 0;
	plan_free(&plan);
	return part;
}

/* Compiles the codec of TYPE. False if there is not enough memory, or the type cannot be converted.
 */
static bool compile_codec(struct codec *c, const struct btf *btf, uint32_t type)
{
	if (plan_compile(&c->plan, btf, type))
		return false;
	for (uint32_t i = 0; i < c->plan.n && !c->strings; i++)
		if (c->plan.steps[i].kind == STEP_STRING) {
			c->strings = calloc(1, sizeof(*c->strings));
			if (!c->strings)
				return false;
		}
	return true;
}

static bool step_needs_names(const struct codec *c, const struct step *s)
{
	return s->kind == STEP_STRUCT || s->kind == STEP_ARRAY || s->kind == STEP_STRING ||
	       (s->kind == STEP_ENUM && c->enum_names);
}

struct codec *codec_push(lua_State *L, const struct btf *btf, struct owner *owner, uint32_t type,
			 const struct codec_opts *opts)
{
	struct codec_handle *h;
	struct codec *c;

	btf_require_sound(L, owner);
	btf_begin_read(owner);
	h = class_push(L, CODEC, sizeof(*h), 0);
	c = calloc(1, sizeof(*c));
	if (!c)
		luaL_error(L, "not enough memory");
	h->codec = c;
	c->refs = 1;
	if (!compile_codec(c, btf, type)) {
		btf_end_read(owner);
		lua_pop(L, 1);
		return NULL;
	}
	c->numbers = opts->numbers;
	c->enum_names = opts->enum_names;
	lua_createtable(L, (int)c->plan.n + (c->strings ? STRINGS_KNOWN : 0), 0);
	collect_names(L, c, btf, opts->enum_names);
	btf_end_read(owner);
	compat_setuservalue(L, -2);
	if (opts->arg && !lua_isnoneornil(L, opts->arg))
		read_parts(L, c, opts->arg);
	c->needs_names = !c->parts && step_needs_names(c, c->plan.steps);
	for (size_t i = 0; i < c->n_parts; i++)
		c->needs_names |= step_needs_names(c, c->parts[i].step);
	return c;
}

struct codec *codec_ref(struct codec *c)
{
	c->refs++;
	return c;
}

void codec_unref(struct codec *c)
{
	if (--c->refs)
		return;
	plan_free(&c->plan);
	free(c->parts);
	free(c->strings);
	free(c);
}

struct codec *codec_check(lua_State *L, int idx)
{
	return ((struct codec_handle *)class_check(L, idx, CODEC))->codec;
}

size_t codec_size(const struct codec *c)
{
	return c->plan.size;
}

bool codec_needs_names(const struct codec *c)
{
	return c->needs_names;
}

bool codec_needs_enum_names(const struct codec *c)
{
	return c->enum_names;
}

bool codec_is_named(const struct codec *c)
{
	return c->enum_names && c->plan.steps->kind == STEP_ENUM;
}

void codec_check_names(lua_State *L, int idx)
{
	if (!lua_istable(L, idx))
		luaL_error(L, "the names of a type's members are gone");
}

int codec_values(const struct codec *c)
{
	return c->parts ? (int)c->n_parts : 1;
}

/*** Converts bytes to a value: integers, booleans, floating point numbers, strings (char arrays, up
to the zero byte), and tables for structures (by name), unions (every member) and arrays (from 1).
@function codec:decode
@tparam string bytes at least as long as the type
@return value; with option `fields` one result for each field
*/
static int codec_decode_method(lua_State *L)
{
	const struct codec *c = codec_check(L, 1);
	size_t len;
	const char *bytes = luaL_checklstring(L, 2, &len);

	if (len < c->plan.size)
		luaL_argerror(L, 2,
			      lua_pushfstring(L, "%d bytes, and the type has %d", (int)len,
					      (int)c->plan.size));
	compat_getuservalue(L, 1);
	codec_check_names(L, -1);
	return codec_decode(L, c, lua_gettop(L), bytes);
}

/*** Converts a value to bytes. Members that a table does not have are zero.
@function codec:encode
@param value as `decode` returns it; structures and arrays may also be given as bytes
@treturn string
@raise if a member is unknown, has another type, is out of range or too long; the message names it
*/
static int codec_encode_method(lua_State *L)
{
	const struct codec *c = codec_check(L, 1);
	char *out;

	luaL_checkany(L, 2);
	lua_settop(L, 2);
	compat_getuservalue(L, 1);
	out = compat_newuserdata(L, c->plan.size + 1);
	codec_encode(L, c, 3, 2, out, 2, NULL);
	lua_pushlstring(L, out, c->plan.size);
	return 1;
}

/*** The type's size.
@function codec:size
@treturn integer in bytes
*/
static int codec_size_method(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)codec_check(L, 1)->plan.size);
	return 1;
}

static int codec_gc(lua_State *L)
{
	struct codec_handle *h = class_retire(L, CODEC);

	if (h->codec)
		codec_unref(h->codec);
	return 0;
}

int codec_new(lua_State *L, const struct btf *btf, struct owner *owner)
{
	static const struct field fields[] = {CODEC_FIELDS, FIELDS_END};
	const char *name = luaL_checkstring(L, 2);
	struct codec_opts opts = {.arg = 3};
	uint32_t type;

	lua_settop(L, 3);
	field_read(L, 3, fields, &opts);
	type = btf ? codec_find_type(btf, name) : 0;
	if (!type)
		return value_fail(L, ENOENT, "codec: type '%s'%s", name,
				  btf ? "" : "; the object has no BTF: compile it with -g");
	if (!codec_push(L, btf, owner, type, &opts))
		return value_fail(L, EINVAL, "codec: type '%s'", name);
	return 1;
}

void codec_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"decode", codec_decode_method},
		{"encode", codec_encode_method},
		{"size", codec_size_method},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {{"__gc", codec_gc}, {NULL, NULL}};

	class_new(L, CODEC, methods, meta);
}
