/* Bytes to values. */
#include "btf/codec.h"
#include "btf/codec_internal.h"

#include "base/value.h"
#include <string.h>

static uint64_t load_bytes(const char *data, uint32_t size)
{
	uint64_t u64 = 0;
	uint32_t u32;
	uint16_t u16;

	switch (size) {
	case 1:
		return *(const uint8_t *)data;
	case 2:
		memcpy(&u16, data, 2);
		return u16;
	case 4:
		memcpy(&u32, data, 4);
		return u32;
	default:
		memcpy(&u64, data, 8);
		return u64;
	}
}

/* Reads a bit field, which may begin at any bit and span nine bytes. */
static uint64_t load_bits(const struct step *s, const char *data)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < s->bits; i++) {
		uint32_t bit = s->shift + i;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		uint64_t one = ((uint8_t)data[bit / 8] >> bit % 8) & 1;

		value |= one << i;
#else
		uint64_t one = ((uint8_t)data[bit / 8] >> (7 - bit % 8)) & 1;

		value = value << 1 | one;
#endif
	}
	return value;
}

static void push_integer(const struct codec_run *w, uint64_t value, uint32_t bits, bool is_signed)
{
	lua_State *L = w->L;

	if (is_signed && bits > 32 && !w->codec->numbers)
		value_push_s64(L, (int64_t)value);
	else if (is_signed)
		lua_pushinteger(L, (lua_Integer)(int64_t)value);
	else if (bits <= 32)
		value_push_u32(L, (uint32_t)value);
	else if (!w->codec->numbers || LUA_VERSION_NUM >= 503)
		value_push_u64(L, value);
	else
		lua_pushnumber(L, (lua_Number)value);
}

static void decode(const struct codec_run *w, const struct step *s, const char *base);

/* An array of char of up to 16 bytes. Strings that differ only after the zero byte are cached
 * twice. */
static __attribute__((noinline)) void push_short_string(const struct codec_run *w,
							const struct step *s, const char *data)
{
	struct strings *known = w->codec->strings;
	struct short_string bytes = {{0, 0}};
	uint32_t slot;
	int at;

	if (s->size == sizeof(bytes))
		memcpy(&bytes, data, sizeof(bytes));
	else
		memcpy(&bytes, data, s->size);
	slot = (uint32_t)((bytes.bytes[0] ^ bytes.bytes[1] * 31) * 0x9e3779b97f4a7c15 >> 58);
	at = (int)(w->codec->plan.n + 1 + slot);
	if (known->known >> slot & 1 && known->bytes[slot].bytes[0] == bytes.bytes[0] &&
	    known->bytes[slot].bytes[1] == bytes.bytes[1]) {
		lua_rawgeti(w->L, w->names, at);
		return;
	}
	lua_pushlstring(w->L, data, strnlen(data, s->size));
	lua_pushvalue(w->L, -1);
	lua_rawseti(w->L, w->names, at);
	known->bytes[slot] = bytes;
	known->known |= UINT64_C(1) << slot;
}

static __attribute__((noinline)) void decode_enum(const struct codec_run *w, const struct step *s,
						  uint64_t value, uint32_t bits)
{
	push_integer(w, value, bits, s->is_signed);
	if (!w->codec->enum_names)
		return;
	lua_rawgeti(w->L, w->names, -codec_step_number(w, s) - 1);
	if (lua_istable(w->L, -1)) {
		lua_pushinteger(w->L, (lua_Integer)value);
		lua_rawget(w->L, -2);
		if (!lua_isnil(w->L, -1)) {
			lua_replace(w->L, -3);
			lua_pop(w->L, 1);
			return;
		}
		lua_pop(w->L, 1);
	}
	lua_pop(w->L, 1);
}

static __attribute__((noinline)) void decode_integer(const struct codec_run *w,
						     const struct step *s, const char *data)
{
	uint32_t bits = s->bits ? s->bits : 8 * s->size;
	uint64_t value = s->bits ? load_bits(s, data) : load_bytes(data, s->size);
	bool is_signed = s->kind == STEP_SIGNED || s->is_signed;

	if (is_signed)
		value = (uint64_t)codec_extend(value, bits);
	if (s->kind == STEP_BOOL)
		lua_pushboolean(w->L, value != 0);
	else if (s->kind == STEP_ENUM)
		decode_enum(w, s, value, bits);
	else
		push_integer(w, value, bits, is_signed);
}

static __attribute__((noinline)) void decode_float(lua_State *L, const char *data, uint32_t size)
{
	double d;
	float f;

	if (size == 4) {
		memcpy(&f, data, 4);
		d = (double)f;
	} else {
		memcpy(&d, data, 8);
	}
	lua_pushnumber(L, d);
}

static __attribute__((noinline)) void decode_struct(const struct codec_run *w, const struct step *s,
						    const char *base)
{
	const struct step *m = s + 1;

	luaL_checkstack(w->L, 6, "a type is nested too deep");
	lua_createtable(w->L, 0, (int)s->count);
	for (uint32_t i = 0; i < s->count; i++, m += m->span) {
		lua_rawgeti(w->L, w->names, codec_step_number(w, m) + 1);
		decode(w, m, base);
		lua_rawset(w->L, -3);
	}
}

static __attribute__((noinline)) void decode_array(const struct codec_run *w, const struct step *s,
						   const char *base)
{
	luaL_checkstack(w->L, 6, "a type is nested too deep");
	lua_createtable(w->L, (int)s->count, 0);
	for (uint32_t i = 0; i < s->count; i++) {
		decode(w, s + 1, base + s->offset + (size_t)i * s->size);
		lua_rawseti(w->L, -2, (int)i + 1);
	}
}

/* The fast path for the most frequent kinds: pushes the value if the step is of one of them. */
static inline bool decode_plain(const struct codec_run *w, const struct step *s, const char *data)
{
	uint32_t u32;
#if LUA_VERSION_NUM >= 503
	int64_t s64;
#endif

	if (s->kind == STEP_UNSIGNED && s->size == sizeof(u32) && !s->bits) {
		memcpy(&u32, data, sizeof(u32));
		lua_pushinteger(w->L, (lua_Integer)u32);
		return true;
	}
#if LUA_VERSION_NUM >= 503
	if (s->kind <= STEP_SIGNED && s->size == sizeof(s64) && !s->bits) {
		memcpy(&s64, data, sizeof(s64));
		lua_pushinteger(w->L, s64);
		return true;
	}
#endif
	if (s->kind == STEP_STRING && s->size <= sizeof(struct short_string)) {
		push_short_string(w, s, data);
		return true;
	}
	return false;
}

static void decode(const struct codec_run *w, const struct step *s, const char *base)
{
	const char *data = base + s->offset;

	if (decode_plain(w, s, data))
		return;
	switch (s->kind) {
	case STEP_FLOAT:
		decode_float(w->L, data, s->size);
		break;
	case STEP_STRING:
		lua_pushlstring(w->L, data, strnlen(data, s->size));
		break;
	case STEP_BYTES:
		lua_pushlstring(w->L, data, s->size);
		break;
	case STEP_STRUCT:
		decode_struct(w, s, base);
		break;
	case STEP_ARRAY:
		decode_array(w, s, base);
		break;
	default:
		decode_integer(w, s, data);
	}
}

int codec_decode(lua_State *L, const struct codec *c, int names, const void *data)
{
	struct codec_run w = {.L = L, .codec = c, .names = names};

	/* a C function always has some free stack slots */
	if (c->n_parts > 8)
		luaL_checkstack(L, codec_values(c) + 6, "too many fields");
	if (names < 0 && names > LUA_REGISTRYINDEX)
		w.names = lua_absindex(L, names);
	if (!c->parts)
		decode(&w, c->plan.steps, data);
	for (size_t i = 0; i < c->n_parts; i++) {
		const struct codec_part *part = &c->parts[i];
		const char *base = (const char *)data + part->base;

		if (!decode_plain(&w, part->step, base + part->step->offset))
			decode(&w, part->step, base);
	}
	return c->parts ? (int)c->n_parts : 1;
}
