/* Values to bytes: what has no parts, and errors. */
#include "btf/codec.h"
#include "btf/codec_encode.h"

#include "base/nearest.h"
#include "base/value.h"
#include <stdio.h>
#include <string.h>

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

int encode_refuse(const struct codec_run *w, const struct place *p, const char *problem)
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

/* Integers -------------------------------------------------------------------------------- */

static void store(char *data, uint32_t size, uint64_t value)
{
	uint32_t u32 = (uint32_t)value;
	uint16_t u16 = (uint16_t)value;

	switch (size) {
	case 1:
		*data = (char)value;
		break;
	case 2:
		memcpy(data, &u16, 2);
		break;
	case 4:
		memcpy(data, &u32, 4);
		break;
	default:
		memcpy(data, &value, 8);
	}
}

static void store_bits(const struct step *s, char *data, uint64_t value)
{
	for (uint32_t i = 0; i < s->bits; i++) {
		uint32_t bit = s->shift + i;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		bool one = value >> i & 1;
#else
		bool one = value >> (s->bits - 1 - i) & 1;
#endif
		if (one)
			data[bit / 8] = (char)(data[bit / 8] | encode_bit_mask(bit));
		else
			data[bit / 8] = (char)(data[bit / 8] & ~encode_bit_mask(bit));
	}
}

/* Raises: no value has the name at VALUE, but others have those of the table at NAMES. */
static void refuse_name(const struct codec_run *w, int value, int names, const struct place *p)
{
	lua_State *L = w->L;
	struct nearest near = {.wanted = lua_tostring(L, value)};

	lua_pushnil(L);
	for (; lua_next(L, names); lua_pop(L, 1))
		if (lua_type(L, -2) == LUA_TSTRING) /* numbers have names, too */
			nearest_add(&near, lua_tostring(L, -2));
	encode_refuse(w, p,
		      lua_pushfstring(L, "no value is named %s; there are: %s",
				      value_show(L, value), nearest_push(L, &near)));
}

/* The value of the name of an enum's value. */
static uint64_t named_value(const struct codec_run *w, const struct step *s, int value,
			    const struct place *p)
{
	lua_State *L = w->L;
	uint64_t number = 0;

	if (!w->codec->enum_names)
		encode_refuse(
			w, p,
			lua_pushfstring(L, "expected an integer, got %s: names need 'enum_names'",
					value_show(L, value)));
	lua_rawgeti(L, w->names, -codec_step_number(w, s) - 1);
	codec_check_names(L, -1);
	lua_pushvalue(L, value);
	lua_rawget(L, -2);
	if (lua_isnil(L, -1) || !codec_to_enum_value(L, -1, &number))
		refuse_name(w, value, lua_gettop(L) - 1, p);
	lua_pop(L, 2);
	return number;
}

/* A string is the number that it says, as everywhere, and never an integer's bytes. */
static uint64_t integer_value(const struct codec_run *w, int value, const struct place *p)
{
	uint64_t u = 0;

	if (!value_to_u64(w->L, value, &u))
		encode_refuse(w, p,
			      lua_pushfstring(w->L, "expected an integer, got %s",
					      value_show(w->L, value)));
	return u;
}

static bool integer_fits(const struct step *s, uint64_t u, uint32_t bits)
{
	bool as_signed = codec_extend(u, bits) == (int64_t)u;
	bool as_unsigned = bits == 64 || u >> bits == 0;

	return s->any_sign ? as_signed || as_unsigned : s->is_signed ? as_signed : as_unsigned;
}

static void encode_integer(const struct codec_run *w, const struct step *s, char *data, int value,
			   const struct place *p)
{
	uint64_t u;

	if (s->kind == STEP_BOOL && lua_isboolean(w->L, value))
		u = (uint64_t)lua_toboolean(w->L, value);
	else if (s->kind == STEP_ENUM && lua_type(w->L, value) == LUA_TSTRING)
		u = named_value(w, s, value, p);
	else
		u = integer_value(w, value, p);
	if (!integer_fits(s, u, s->bits ? s->bits : 8 * s->size))
		encode_refuse(w, p, "the integer does not fit");
	if (s->bits)
		store_bits(s, data, u);
	else
		store(data, s->size, u);
}

/* An integer of 128 bits. */
static void encode_wide(const struct codec_run *w, const struct step *s, char *data, int value,
			const struct place *p)
{
	uint64_t low = integer_value(w, value, p);
	uint64_t high = s->is_signed && (int64_t)low < 0 ? UINT64_MAX : 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint64_t words[] = {low, high};
#else
	uint64_t words[] = {high, low};
#endif

	memcpy(data, words, sizeof(words));
}

/* Other leaves ---------------------------------------------------------------------------- */

static void encode_float(const struct codec_run *w, const struct step *s, char *data, int value,
			 const struct place *p)
{
	double d;
	float f;

	if (lua_type(w->L, value) != LUA_TNUMBER)
		encode_refuse(w, p,
			      lua_pushfstring(w->L, "expected a number, got %s",
					      luaL_typename(w->L, value)));
	d = lua_tonumber(w->L, value);
	f = (float)d;
	memcpy(data, s->size == 4 ? (void *)&f : (void *)&d, s->size);
}

/* A string for an array of char may be shorter than that; bytes may not. */
void encode_bytes(const struct codec_run *w, const struct step *s, char *data, int value,
		  const struct place *p)
{
	size_t len, size = encode_space(w, s, data);
	const char *bytes;

	if (lua_type(w->L, value) != LUA_TSTRING)
		encode_refuse(w, p,
			      lua_pushfstring(w->L, "expected a string, got %s",
					      luaL_typename(w->L, value)));
	bytes = lua_tolstring(w->L, value, &len);
	if (len > size || (len < size && s->kind != STEP_STRING))
		encode_refuse(w, p,
			      lua_pushfstring(w->L, "%d bytes, expected %s%d", (int)len,
					      s->kind == STEP_STRING ? "at most " : "", (int)size));
	memcpy(data, bytes, len);
	memset(data + len, 0, size - len);
}

void encode_leaf(const struct codec_run *w, const struct step *s, char *data, int value,
		 const struct place *p)
{
	switch (s->kind) {
	case STEP_FLOAT:
		encode_float(w, s, data, value, p);
		break;
	case STEP_STRING:
		encode_bytes(w, s, data, value, p);
		break;
	case STEP_BYTES:
		if (s->is_integer && lua_type(w->L, value) != LUA_TSTRING)
			encode_wide(w, s, data, value, p);
		else
			encode_bytes(w, s, data, value, p);
		break;
	default:
		encode_integer(w, s, data, value, p);
	}
}

static bool is_nan(const struct step *s, const char *data)
{
	double d = 0;
	float f = 0;

	if (s->size == 4)
		memcpy(&f, data, 4);
	else
		memcpy(&d, data, 8);
	return f != f || d != d;
}

/* Integers of 64 bits, where they are read as numbers, which are rounded. */
static bool is_rounded(const struct codec_run *w, const struct step *s, const char *origin,
		       int value)
{
	uint64_t u = codec_load(origin, s->size);
	double d = s->is_signed ? (double)(int64_t)u : (double)u;

	return LUA_VERSION_NUM < 503 && w->codec->numbers && s->size == 8 && !s->bits &&
	       lua_type(w->L, value) == LUA_TNUMBER && lua_tonumber(w->L, value) == d;
}

bool encode_says_same(const struct codec_run *w, const struct step *s, const char *data,
		      const char *origin, int value)
{
	size_t len;

	switch (s->kind) {
	case STEP_BOOL:
		return lua_isboolean(w->L, value) &&
		       lua_toboolean(w->L, value) == ((s->bits ? codec_load_bits(s, origin)
							       : codec_load(origin, s->size)) != 0);
	case STEP_FLOAT:
		return is_nan(s, data) && is_nan(s, origin);
	case STEP_STRING:
		len = strnlen(origin, s->size);
		return !s->is_whole && lua_rawlen(w->L, value) == len &&
		       memcmp(data, origin, len) == 0;
	case STEP_UNSIGNED:
	case STEP_SIGNED:
		return is_rounded(w, s, origin, value);
	default:
		return false;
	}
}
