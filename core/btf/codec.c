#include "btf/codec.h"

#include "base/class.h"
#include "base/field.h"
#include "base/nearest.h"
#include "base/value.h"
#include "btf/btf.h"
#include "btf/codec_internal.h"
#include "btf/layout.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char CODEC[] = "lbpf.codec";

/*** @module lbpf */
/*** Types as values
@section codec
@usage local codec = assert(object:codec("struct event"))
local bytes = codec:encode {pid = 1, comm = "init"}
print(codec:size(), codec:decode(bytes).comm)
local offset, size = codec:offset("comm"), codec:size("comm")
print(bytes:sub(offset + 1, offset + size))
*/

struct codec_handle {
	struct codec *codec;
};

/* A number is the key where it holds the value exactly, on every Lua; else the bytes, after a zero,
 * that no name has.
 */
void codec_push_enum_value(lua_State *L, uint64_t value)
{
	char bytes[1 + sizeof(value)] = "";
	int64_t number = (int64_t)value;

	if (number >= -(1LL << 53) && number <= 1LL << 53) {
		lua_pushinteger(L, (lua_Integer)number);
		return;
	}
	memcpy(bytes + 1, &value, sizeof(value));
	lua_pushlstring(L, bytes, sizeof(bytes));
}

bool codec_to_enum_value(lua_State *L, int idx, uint64_t *value)
{
	if (lua_type(L, idx) == LUA_TSTRING && lua_rawlen(L, idx) == 1 + sizeof(*value)) {
		memcpy(value, lua_tostring(L, idx) + 1, sizeof(*value));
		return true;
	}
	return lua_type(L, idx) == LUA_TNUMBER && value_to_u64(L, idx, value);
}

/* Puts the name and the value on top into the table below them, by each other, and pops them. The
 * first name of a value is the one that is shown.
 */
static void add_enum_name(lua_State *L)
{
	lua_pushvalue(L, -1);
	lua_rawget(L, -4);
	if (lua_isnil(L, -1)) {
		lua_pushvalue(L, -2);
		lua_pushvalue(L, -4);
		lua_rawset(L, -6);
	}
	lua_pop(L, 1);
	lua_rawset(L, -3);
}

/* Pushes a table with the names of an enum's values, and the values of its names. */
static void push_enum_names(lua_State *L, const struct btf *btf, const struct step *s)
{
	const struct btf_type *t = btf__type_by_id(btf, s->type);

	lua_newtable(L);
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		bool is_64 = btf_kind(t) == BTF_KIND_ENUM64;
		uint32_t name = is_64 ? btf_enum64(t)[i].name_off : btf_enum(t)[i].name_off;
		uint64_t value = is_64 ? btf_enum64_value(btf_enum64(t) + i)
				       : (uint64_t)(int64_t)btf_enum(t)[i].val;

		if (!is_64 && !s->is_signed)
			value = (uint32_t)value;
		lua_pushstring(L, btf__name_by_offset(btf, name));
		codec_push_enum_value(L, value);
		add_enum_name(L);
	}
}

static void push_all_names(lua_State *L, const struct codec *c, const struct btf *btf,
			   bool enum_names)
{
	int places = (int)c->plan.n + (c->strings ? STRINGS_KNOWN : 0);

	lua_createtable(L, places, 0);
	/* Lua would move them out of the array, which is faster, if many were empty. */
	for (int i = 1; i <= places; i++) {
		lua_pushboolean(L, 0);
		lua_rawseti(L, -2, i);
	}
	for (uint32_t i = 0; i < c->plan.n; i++) {
		const struct step *s = &c->plan.steps[i];

		if (s->name) {
			lua_pushstring(L, s->name);
			lua_rawseti(L, -2, (int)i + 1);
		}
		if (s->kind == STEP_ENUM && enum_names) {
			push_enum_names(L, btf, s);
			lua_rawseti(L, -2, -(int)i - 1);
		}
	}
}

/* Pushes: there is no part WANTED of a type; PART is as far as the path leads. */
static void push_missing_part(lua_State *L, const char *wanted, const struct plan_part *part)
{
	const struct step *s = part->step, *m = s + 1;
	char name[NEAREST_NAME];
	struct nearest near = {.wanted = name};

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(part->rest, ".["), part->rest);
	for (uint32_t i = 0; s->kind == STEP_STRUCT && i < s->count; i++, m += m->span)
		nearest_add(&near, m->name);
	if (s->kind == STEP_STRUCT)
		lua_pushfstring(L, "there is no '%s'; it has: %s", wanted, nearest_push(L, &near));
	else
		lua_pushfstring(L, "there is no '%s': '%s' leads nowhere", wanted, part->rest);
}

/* Raises that about argument ARG, or its option OPTION, if that is not NULL. */
static void refuse_part(lua_State *L, int arg, const char *option, const char *wanted,
			const struct plan_part *part)
{
	push_missing_part(L, wanted, part);
	if (option)
		lua_pushfstring(L, "option '%s': %s", option, lua_tostring(L, -1));
	luaL_argerror(L, arg, lua_tostring(L, -1));
}

void codec_require_part(lua_State *L, const struct codec *c, const char *path, const char *name)
{
	struct plan_part part;

	if (plan_find(&c->plan, path, &part) && !part.count)
		return;
	if (part.count)
		part.rest = path;
	push_missing_part(L, lua_pushfstring(L, "%s%s", name, path), &part);
	luaL_error(L, "%s", lua_tostring(L, -1));
}

/* The part that the name on top means; raises what is wrong with option OPTION of the table at
 * OPTS.
 */
static struct plan_part find_named_part(lua_State *L, const struct codec *c, int opts,
					const char *option)
{
	struct plan_part part;

	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_argerror(L, opts,
			      lua_pushfstring(L, "option '%s': expected names, got %s", option,
					      value_show(L, -1)));
	if (!plan_find(&c->plan, lua_tostring(L, -1), &part))
		refuse_part(L, opts, option, lua_tostring(L, -1), &part);
	return part;
}

/* Pushes the list that is option OPTION of the table at OPTS, and returns how long it is; or
 * nothing and 0.
 */
static size_t push_names_option(lua_State *L, int opts, const char *option)
{
	size_t n;

	lua_getfield(L, opts, option);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return 0;
	}
	n = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
	if (n == 0)
		luaL_argerror(L, opts,
			      lua_pushfstring(L, "option '%s' must be a list of names", option));
	if (n > 200)
		luaL_argerror(L, opts,
			      lua_pushfstring(L, "option '%s' has too many names", option));
	return n;
}

/* Where the step ends whose place is known. */
static uint32_t step_end_byte(const struct step *s, uint32_t offset)
{
	return offset + (s->bits ? (s->shift + s->bits + 7u) / 8 : s->size);
}

/* What bytes a part needs: an array may end early. */
static uint32_t least_of(const struct plan_part *part)
{
	const struct step *s = part->step;
	uint32_t least = part->offset;

	if (part->count)
		return step_end_byte(part->count, part->count_offset) > least
			       ? step_end_byte(part->count, part->count_offset)
			       : least;
	if (part->may_lack)
		return 0;
	return s->kind == STEP_STRING || s->kind == STEP_ARRAY ? least : step_end_byte(s, least);
}

/* Reads option `fields` of the table at OPTS into the codec. */
static void read_parts(lua_State *L, struct codec *c, int opts)
{
	size_t n = push_names_option(L, opts, "fields");

	if (n == 0)
		return;
	c->parts = calloc(n, sizeof(*c->parts));
	if (!c->parts)
		luaL_error(L, "not enough memory");
	for (c->least = 0; c->n_parts < n; c->n_parts++) {
		struct plan_part *part = &c->parts[c->n_parts];

		lua_rawgeti(L, -1, (int)c->n_parts + 1);
		*part = find_named_part(L, c, opts, "fields");
		c->is_partial |= part->count || part->may_lack;
		if (least_of(part) > c->least)
			c->least = least_of(part);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

static void read_all_bytes(struct step *first, const struct step *end)
{
	for (struct step *s = first; s < end; s++)
		s->is_whole |= s->kind == STEP_STRING;
}

/* Reads option `bytes` of the table at OPTS: true, for all arrays of char, or a list of their
 * names.
 */
static void read_whole_strings(lua_State *L, struct codec *c, int opts)
{
	struct step *steps = c->plan.steps;
	size_t n;

	lua_getfield(L, opts, "bytes");
	if (lua_isboolean(L, -1)) {
		if (lua_toboolean(L, -1))
			read_all_bytes(steps, steps + c->plan.n);
		lua_pop(L, 1);
		return;
	}
	lua_pop(L, 1);
	n = push_names_option(L, opts, "bytes");
	for (size_t i = 1; i <= n; i++) {
		const struct step *s;

		lua_rawgeti(L, -1, (int)i);
		s = find_named_part(L, c, opts, "bytes").step;
		read_all_bytes(steps + (s - steps), step_end(s));
		lua_pop(L, 1);
	}
	if (n)
		lua_pop(L, 1);
}

/* Compiles the codec of TYPE. False if there is not enough memory, or the type cannot be converted.
 */
static bool compile_codec(struct codec *c, const struct btf *btf, uint32_t type, const char *part)
{
	if (plan_compile(&c->plan, btf, type, part))
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
	if (!compile_codec(c, btf, type, opts->part)) {
		btf_end_read(owner);
		lua_pop(L, 1);
		return NULL;
	}
	c->numbers = opts->numbers;
	c->enum_names = opts->enum_names;
	push_all_names(L, c, btf, opts->enum_names);
	btf_end_read(owner);
	compat_setuservalue(L, -2);
	if (opts->all_bytes)
		read_all_bytes(c->plan.steps, c->plan.steps + c->plan.n);
	c->least = c->plan.least;
	if (opts->arg && !lua_isnoneornil(L, opts->arg)) {
		read_whole_strings(L, c, opts->arg);
		read_parts(L, c, opts->arg);
	}
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

size_t codec_offset(const struct codec *c)
{
	return c->plan.offset;
}

bool codec_is_bit_field(const struct codec *c)
{
	return c->plan.steps->bits != 0;
}

bool codec_needs_names(const struct codec *c)
{
	return c->needs_names;
}

bool codec_needs_enum_names(const struct codec *c)
{
	return c->enum_names;
}

size_t codec_least(const struct codec *c)
{
	return c->least;
}

bool codec_takes_bytes(const struct codec *c)
{
	return c->plan.steps->kind >= STEP_STRING;
}

void codec_check_names(lua_State *L, int idx)
{
	if (!lua_istable(L, idx))
		luaL_error(L, "the names of a type's members are gone");
}

bool codec_makes_table(const struct codec *c)
{
	enum step_kind kind = c->plan.steps->kind;

	return !c->parts && (kind == STEP_STRUCT || kind == STEP_ARRAY);
}

int codec_values(const struct codec *c)
{
	return c->parts ? (int)c->n_parts : 1;
}

const struct plan_part *codec_field(const struct codec *c, size_t i)
{
	return c->parts ? &c->parts[i] : NULL;
}

/*** Turns bytes into a value: integers, booleans, floating point numbers, strings (of char arrays,
up to their zero), and tables for structures (by name), unions (every member) and arrays (from 1).
An array at the end has the elements that are there, one without a length as many as there are.
@function codec:decode
@tparam string bytes as many as the type has; they may end inside of an array
@return value; with option `fields` one for each field
*/
static int codec_decode_method(lua_State *L)
{
	const struct codec *c = codec_check(L, 1);
	size_t len;
	const char *bytes = luaL_checklstring(L, 2, &len);

	if (len < c->least)
		luaL_argerror(L, 2,
			      lua_pushfstring(L, "%d bytes, and the type has %d", (int)len,
					      (int)c->plan.size));
	class_env(L, 1);
	codec_check_names(L, -1);
	return codec_decode(L, c, lua_gettop(L), bytes, len);
}

/*** Turns a value into bytes. Members that a table does not have are zero. Of a value that was read
and then changed only the changes are written: what it does not say stays, for example bytes behind
a string's zero, and the other members of a union. Members of a union that a table of the script's
own has must say the same.
@function codec:encode
@param value as `decode` returns it; structures and arrays may also be given as bytes
@treturn string
@raise if a member is unknown, has another type, is out of range or too long; the message names it
*/
static int codec_encode_method(lua_State *L)
{
	const struct codec *c = codec_check(L, 1);
	size_t size;
	char *out;

	luaL_checkany(L, 2);
	lua_settop(L, 2);
	class_env(L, 1);
	size = codec_encoded_size(L, c, 2);
	out = compat_newuserdata(L, size + 1);
	codec_encode(L, c, 3, 2, out, size, 2, NULL);
	lua_pushlstring(L, out, size);
	return 1;
}

/* The part that argument 2 names. */
static struct plan_part check_path(lua_State *L, const struct codec *c)
{
	const char *path = luaL_checkstring(L, 2);
	struct plan_part part;

	if (!plan_find(&c->plan, path, &part))
		refuse_part(L, 2, NULL, path, &part);
	return part;
}

/*** The type's size, or that of a part of it.
@function codec:size
@tparam ?string part "comm", "file.name", "stack[1]"
@treturn integer in bytes; of a bit field those of its type
@raise if there is no such part
*/
static int codec_size_method(lua_State *L)
{
	const struct codec *c = codec_check(L, 1);
	uint64_t size = c->plan.size;

	if (!lua_isnoneornil(L, 2))
		size = step_bytes(check_path(L, c).step);
	lua_pushinteger(L, (lua_Integer)size);
	return 1;
}

/*** Where a part of the type is: `bytes:sub(offset + 1, offset + size)` are its bytes.
@function codec:offset
@tparam string part "comm", "file.name", "stack[1]"
@treturn integer in bytes, from 0
@treturn ?integer of a bit field: where it starts in that byte, and how many bits it has
@raise if there is no such part
*/
static int codec_offset_method(lua_State *L)
{
	struct plan_part part = check_path(L, codec_check(L, 1));

	lua_pushinteger(L, (lua_Integer)part.offset);
	if (!part.step->bits)
		return 1;
	lua_pushinteger(L, part.step->shift);
	lua_pushinteger(L, part.step->bits);
	return 3;
}

static int codec_gc(lua_State *L)
{
	struct codec_handle *h = class_retire(L, CODEC);

	if (h->codec)
		codec_unref(h->codec);
	return 0;
}

/* Replaces argument 2, if there is none, by the type that a layout means; raises if that is no
 * type.
 */
static void check_type_arg(lua_State *L, uint32_t last)
{
	if (lua_isnil(L, 2) && last) {
		lua_pushinteger(L, (lua_Integer)last);
		lua_replace(L, 2);
	}
	luaL_argcheck(L, lua_type(L, 2) == LUA_TSTRING || lua_type(L, 2) == LUA_TNUMBER, 2,
		      "expected the name or number of a type");
}

int codec_new(lua_State *L, const struct btf *btf, struct owner *owner, int base)
{
	static const struct field fields[] = {CODEC_FIELDS, LAYOUT_FIELDS, FIELDS_END};
	struct codec_opts opts = {.arg = 3};
	struct layout l;
	uint32_t type;

	if (lua_gettop(L) < 3)
		lua_settop(L, 3);
	field_read(L, 3, fields, &opts);
	layout_read(L, 3, base, 2, &l);
	check_type_arg(L, l.last);
	if (l.btf) {
		btf = l.btf;
		owner = l.owner;
	}
	type = btf ? codec_find_type(L, btf, owner, 2) : 0;
	if (!type) {
		if (!btf)
			lua_pushliteral(L, "the object has no BTF: compile it with -g, or give "
					   "option 'layout'");
		lua_pushnil(L);
		lua_pushfstring(L, "codec: %s", lua_tostring(L, -2));
		lua_pushinteger(L, ENOENT);
		return 3;
	}
	if (!codec_push(L, btf, owner, type, &opts))
		return value_fail(L, EINVAL, "codec: type %s", value_show(L, 2));
	return 1;
}

/*** The address of what tells whether values say all that their bytes do, for compiled code.
@function codec_says_all
@local
@treturn lightuserdata
*/
static int push_says_all(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)codec_says_all);
	return 1;
}

void codec_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"decode", codec_decode_method},
		{"encode", codec_encode_method},
		{"size", codec_size_method},
		{"offset", codec_offset_method},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {{"__gc", codec_gc}, {NULL, NULL}};

	class_new(L, CODEC, methods, meta);
	origin_open(L);
	lua_pushcfunction(L, push_says_all);
	lua_setfield(L, -2, "codec_says_all");
}
