/* Values to bytes. */
#include "btf/codec.h"
#include "btf/codec_internal.h"

#include "base/value.h"
#include <stdio.h>
#include <string.h>

/* The place of an error: a member's name, and what it is a member of. */
struct place {
	const struct place *in;
	const char *name;
	uint32_t index; /* of an array element, from 1, if there is no name */
};

static void add_place(luaL_Buffer *b, const struct place *p)
{
	char index[16];

	if (!p)
		return;
	add_place(b, p->in);
	if (p->name) {
		if (p->in)
			luaL_addchar(b, '.');
		luaL_addstring(b, p->name);
	} else if (p->index) {
		snprintf(index, sizeof(index), "[%u]", p->index);
		luaL_addstring(b, index);
	}
}

static int refuse_value(const struct codec_run *w, const struct place *p, const char *problem)
{
	lua_State *L = w->L;
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	add_place(&b, p);
	if (p && (p->name || p->index))
		luaL_addstring(&b, ": ");
	luaL_addstring(&b, problem);
	luaL_pushresult(&b);
	if (w->arg)
		return luaL_argerror(L, w->arg, lua_tostring(L, -1));
	return luaL_error(L, "%s", lua_tostring(L, -1));
}

static void encode(const struct codec_run *w, const struct step *s, char *base, int value,
		   const struct place *p);

static void store(char *data, uint32_t size, uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value <<= 64 - 8 * size;
#endif
	memcpy(data, &value, size);
}

static void store_bits(const struct step *s, char *data, uint64_t value)
{
	for (uint32_t i = 0; i < s->bits; i++) {
		uint32_t bit = s->shift + i;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		uint32_t at = bit % 8, one = (uint32_t)(value >> i) & 1;
#else
		uint32_t at = 7 - bit % 8, one = (uint32_t)(value >> (s->bits - 1 - i)) & 1;
#endif
		data[bit / 8] = (char)((data[bit / 8] & ~(1u << at)) | one << at);
	}
}

/* Sets *OUT to the value of an enum with this name, if there is one. */
static bool enum_value(const struct codec_run *w, const struct step *s, int value, uint64_t *out)
{
	lua_State *L = w->L;
	bool found = false;

	if (!w->codec->enum_names)
		return false;
	lua_rawgeti(L, w->names, -codec_step_number(w, s) - 1);
	if (lua_istable(L, -1)) {
		lua_pushnil(L);
		while (!found && lua_next(L, -2)) {
			found = lua_rawequal(L, -1, value);
			if (found)
				value_to_u64(L, -2, out);
			lua_pop(L, 1);
		}
		lua_settop(L, found ? -3 : -2);
	} else {
		lua_pop(L, 1);
	}
	return found;
}

static void encode_integer(const struct codec_run *w, const struct step *s, char *data, int value,
			   const struct place *p)
{
	uint32_t bits = s->bits ? s->bits : 8 * s->size;
	bool is_signed = s->kind == STEP_SIGNED || s->is_signed, fits;
	uint64_t u = 0;

	if (s->kind == STEP_BOOL && lua_isboolean(w->L, value))
		u = (uint64_t)lua_toboolean(w->L, value);
	else if (s->kind == STEP_ENUM && lua_type(w->L, value) == LUA_TSTRING &&
		 enum_value(w, s, value, &u))
		;
	else if (!value_to_u64(w->L, value, &u))
		refuse_value(w, p,
			     lua_pushfstring(w->L, "expected an integer, got %s",
					     luaL_typename(w->L, value)));
	if (is_signed)
		fits = codec_extend(u, bits) == (int64_t)u;
	else
		fits = bits == 64 || u >> bits == 0;
	if (!fits)
		refuse_value(w, p, "the integer does not fit");
	if (s->bits)
		store_bits(s, data, u);
	else
		store(data, s->size, u);
}

static void encode_float(const struct codec_run *w, const struct step *s, char *data, int value,
			 const struct place *p)
{
	double d;
	float f;

	if (lua_type(w->L, value) != LUA_TNUMBER)
		refuse_value(w, p,
			     lua_pushfstring(w->L, "expected a number, got %s",
					     luaL_typename(w->L, value)));
	d = lua_tonumber(w->L, value);
	f = (float)d;
	memcpy(data, s->size == 4 ? (void *)&f : (void *)&d, s->size);
}

/* A string for an array of char may be shorter than that; bytes may not. */
static void encode_bytes(const struct codec_run *w, const struct step *s, char *data, int value,
			 const struct place *p)
{
	const char *bytes;
	size_t len;

	if (lua_type(w->L, value) != LUA_TSTRING)
		refuse_value(w, p,
			     lua_pushfstring(w->L, "expected a string, got %s",
					     luaL_typename(w->L, value)));
	bytes = lua_tolstring(w->L, value, &len);
	if (len > s->size || (len < s->size && s->kind != STEP_STRING))
		refuse_value(w, p,
			     lua_pushfstring(w->L, "%d bytes, expected %s%d", (int)len,
					     s->kind == STEP_STRING ? "at most " : "",
					     (int)s->size));
	memcpy(data, bytes, len);
}

static const struct step *member(const struct step *s, const char *name)
{
	const struct step *m = s + 1;

	for (uint32_t i = 0; i < s->count; i++, m += m->span)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

/* Members that the table does not have are left zero. */
static void encode_struct(const struct codec_run *w, const struct step *s, char *base, int value,
			  const struct place *p)
{
	lua_State *L = w->L;

	lua_pushnil(L);
	while (lua_next(L, value)) {
		const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
		const struct step *m = name ? member(s, name) : NULL;
		struct place at = {p, name, 0};

		if (!name)
			refuse_value(w, p, "the names of members must be strings");
		if (!m)
			refuse_value(w, &at, "there is no such member");
		else
			encode(w, m, base, lua_gettop(L), &at);
		lua_pop(L, 1);
	}
}

static void encode_array(const struct codec_run *w, const struct step *s, char *data, int value,
			 const struct place *p)
{
	lua_State *L = w->L;
	size_t n = lua_rawlen(L, value);

	if (n > s->count)
		refuse_value(w, p,
			     lua_pushfstring(L, "%d elements, expected at most %d", (int)n,
					     (int)s->count));
	for (uint32_t i = 0; i < n; i++) {
		struct place at = {p, NULL, i + 1};

		lua_rawgeti(L, value, (int)i + 1);
		encode(w, s + 1, data + (size_t)i * s->size, lua_gettop(L), &at);
		lua_pop(L, 1);
	}
}

/* Encodes what is neither a structure nor an array. */
static void encode_leaf(const struct codec_run *w, const struct step *s, char *data, int value,
			const struct place *p)
{
	if (s->kind == STEP_FLOAT)
		encode_float(w, s, data, value, p);
	else if (s->kind == STEP_STRING || s->kind == STEP_BYTES)
		encode_bytes(w, s, data, value, p);
	else
		encode_integer(w, s, data, value, p);
}

static void encode(const struct codec_run *w, const struct step *s, char *base, int value,
		   const struct place *p)
{
	char *data = base + s->offset;
	bool composite = s->kind == STEP_STRUCT || s->kind == STEP_ARRAY;

	if (!composite) {
		encode_leaf(w, s, data, value, p);
		return;
	}
	luaL_checkstack(w->L, 8, "a type is nested too deep");
	if (lua_type(w->L, value) == LUA_TSTRING) {
		struct step whole = *s;

		whole.size *= s->kind == STEP_ARRAY ? s->count : 1;
		encode_bytes(w, &whole, data, value, p);
	} else if (!lua_istable(w->L, value)) {
		refuse_value(w, p,
			     lua_pushfstring(w->L, "expected a table, or its bytes, got %s",
					     luaL_typename(w->L, value)));
	} else if (s->kind == STEP_STRUCT) {
		encode_struct(w, s, base, value, p);
	} else {
		encode_array(w, s, data, value, p);
	}
}

void codec_encode(lua_State *L, const struct codec *c, int names, int value, void *out, int arg,
		  const char *name)
{
	struct codec_run w = {
		.L = L, .codec = c, .names = names ? lua_absindex(L, names) : 0, .arg = arg};
	struct place whole = {NULL, name, 0};

	if (c->enum_names)
		codec_check_names(L, w.names);
	if (c->plan.steps->kind <= STEP_SIGNED) { /* most keys */
		encode_integer(&w, c->plan.steps, out, value, name ? &whole : NULL);
		return;
	}
	memset(out, 0, c->plan.size);
	encode(&w, c->plan.steps, out, lua_absindex(L, value), name ? &whole : NULL);
}
