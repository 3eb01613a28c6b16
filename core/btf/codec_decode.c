/* Bytes to values. */
#include "btf/codec.h"
#include "btf/codec_internal.h"

#include "base/value.h"
#include <limits.h>
#include <string.h>

uint64_t codec_load(const char *data, uint32_t size)
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

/* A bit field, which may begin and end anywhere, and span nine bytes. */
uint64_t codec_load_bits(const struct step *s, const char *data)
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

bool codec_is_exact(double d, uint64_t value)
{
	return d < 0x1p63 ? (uint64_t)(int64_t)d == value : d < 0x1p64 && (uint64_t)d == value;
}

/* A number in place of an integer of 64 bits, where Lua has no such integers. */
static void push_number(struct codec_run *w, double d, uint64_t value)
{
	w->lost |= !codec_is_exact(d, value);
	lua_pushnumber(w->L, d);
}

static void push_integer(struct codec_run *w, uint64_t value, uint32_t bits, bool is_signed)
{
	lua_State *L = w->L;

	if (bits <= 32 && is_signed)
		lua_pushinteger(L, (lua_Integer)(int64_t)value);
	else if (bits <= 32)
		value_push_u32(L, (uint32_t)value);
	else if (w->codec->numbers && LUA_VERSION_NUM < 503)
		push_number(w, is_signed ? (double)(int64_t)value : (double)value, value);
	else if (is_signed)
		value_push_s64(L, (int64_t)value);
	else
		value_push_u64(L, value);
}

static inline void decode(struct codec_run *w, const struct step *s, const char *data);

/* A table, its members and its origin need less than what a C function has. */
static void check_stack(const struct codec_run *w)
{
	luaL_checkstack(w->L, LUA_MINSTACK, "a type is nested too deep");
}

/* Are there other bytes than zeros? */
static bool has_bytes(const char *data, size_t size)
{
	return size && (*data || memcmp(data, data + 1, size - 1) != 0);
}

/* An array of char of up to 16 bytes. What differs only after the zero is known twice. */
static __attribute__((noinline)) void push_short_string(struct codec_run *w, const struct step *s,
							const char *data)
{
	struct strings *known = w->codec->strings;
	struct short_string bytes = {{0, 0}};
	uint64_t bit;
	uint32_t slot;
	size_t len;
	int at;

	if (s->size == sizeof(bytes))
		memcpy(&bytes, data, sizeof(bytes));
	else
		memcpy(&bytes, data, s->size);
	slot = (uint32_t)((bytes.bytes[0] ^ bytes.bytes[1] * 31) * 0x9e3779b97f4a7c15 >> 58);
	at = (int)(w->codec->plan.n + 1 + slot);
	bit = UINT64_C(1) << slot;
	if (known->known & bit && known->bytes[slot].bytes[0] == bytes.bytes[0] &&
	    known->bytes[slot].bytes[1] == bytes.bytes[1]) {
		lua_rawgeti(w->L, w->names, at);
		if (known->lossy & bit)
			w->lost = true;
		return;
	}
	len = strnlen(data, s->size);
	lua_pushlstring(w->L, data, len);
	w->is_plain = false;
	lua_pushvalue(w->L, -1);
	lua_rawseti(w->L, w->names, at);
	known->bytes[slot] = bytes;
	known->known |= bit;
	if (has_bytes(data + len, s->size - len)) {
		known->lossy |= bit;
		w->lost = true;
	} else {
		known->lossy &= ~bit;
	}
}

static __attribute__((noinline)) void decode_string(struct codec_run *w, const struct step *s,
						    const char *data)
{
	size_t size = codec_count(w, s, data);
	size_t len = s->is_whole ? size : strnlen(data, size);

	lua_pushlstring(w->L, data, len);
	w->lost |= has_bytes(data + len, size - len);
}

static __attribute__((noinline)) void decode_enum(struct codec_run *w, const struct step *s,
						  uint64_t value, uint32_t bits)
{
	if (w->codec->enum_names) {
		lua_rawgeti(w->L, w->names, -codec_step_number(w, s) - 1);
		codec_check_names(w->L, -1);
		codec_push_enum_value(w->L, value);
		lua_rawget(w->L, -2);
		lua_remove(w->L, -2);
		if (!lua_isnil(w->L, -1))
			return;
		lua_pop(w->L, 1);
	}
	push_integer(w, value, bits, s->is_signed);
}

static __attribute__((noinline)) void decode_integer(struct codec_run *w, const struct step *s,
						     const char *data)
{
	uint32_t bits = s->bits ? s->bits : 8 * s->size;
	uint64_t value = s->bits ? codec_load_bits(s, data) : codec_load(data, s->size);

	if (s->is_signed)
		value = (uint64_t)codec_extend(value, bits);
	if (s->kind == STEP_BOOL) {
		lua_pushboolean(w->L, value != 0);
		w->lost |= value > 1;
	} else if (s->kind == STEP_ENUM) {
		decode_enum(w, s, value, bits);
	} else {
		push_integer(w, value, bits, s->is_signed);
	}
}

/* Lua may have one NaN only. */
static __attribute__((noinline)) void decode_float(struct codec_run *w, const char *data,
						   uint32_t size)
{
	double d;
	float f;

	if (size == 4) {
		memcpy(&f, data, 4);
		d = (double)f;
	} else {
		memcpy(&d, data, 8);
	}
	w->lost |= d != d;
	lua_pushnumber(w->L, d);
}

/* Is anything in the padding? That begins at step S, and ends with END. */
static bool has_padding(const struct codec_run *w, const struct step *s, const struct step *end,
			const char *base)
{
	for (; s < end; s++) {
		if (s->offset + s->size > (size_t)(w->end - base))
			continue;
		if (s->bits ? codec_load_bits(s, base + s->offset) != 0
			    : has_bytes(base + s->offset, s->size))
			return true;
	}
	return false;
}

/* Tables that are filled again --------------------------------------------------------- */

static void decode_again(struct codec_run *w, const struct step *s, const char *data);

/* May there be a table for the member or element from before? */
static inline bool has_table(const struct codec_run *w, const struct step *s)
{
	return w->fills && (s->kind == STEP_STRUCT || s->kind == STEP_ARRAY);
}

/* Removes from the list on top what follows its first N elements. */
static void end_list(lua_State *L, size_t n)
{
	for (int i = (int)n + 1;; i++) {
		lua_rawgeti(L, -1, i);
		if (lua_isnil(L, -1))
			break;
		lua_pop(L, 1);
		lua_pushnil(L);
		lua_rawseti(L, -2, i);
	}
	lua_pop(L, 1);
}

/* Keeps the origin of the table on top if it is LOST; a table from before may have another. */
static void keep_origin(const struct codec_run *w, const struct step *s, const char *data,
			bool lost)
{
	if (lost)
		origin_keep(w, s, data);
	else if (w->fills && (s->is_lossy || w->codec->numbers))
		origin_drop(w, -1);
}

/* Of what has a flexible array not even the length is always known by its members. */
static bool ends_early(const struct codec_run *w, const struct step *s, const char *data)
{
	return s == w->codec->plan.steps && (size_t)(w->end - data) < s->size;
}

static bool has_metatable(lua_State *L, int idx)
{
	if (!lua_getmetatable(L, idx))
		return false;
	lua_pop(L, 1);
	return true;
}

#if LUA_VERSION_NUM >= 503
/* Sets a member of the table below to the value on top, without metamethods. Lua knows the string
 * of a name by its address, which is faster; but there may be a metatable, also one that a
 * finalizer has set since the table was begun: wherever Lua allocates.
 */
static inline void set_member(struct codec_run *w, const struct step *m)
{
	w->is_plain = w->is_plain || !has_metatable(w->L, -2);
	if (w->is_plain) {
		lua_setfield(w->L, -2, m->name);
		return;
	}
	lua_rawgeti(w->L, w->names, codec_step_number(w, m) + 1);
	lua_insert(w->L, -2);
	lua_rawset(w->L, -3);
}

static inline void fill_member(struct codec_run *w, const struct step *m, const char *data)
{
	if (!has_table(w, m)) {
		decode(w, m, data);
	} else {
		lua_rawgeti(w->L, w->names, codec_step_number(w, m) + 1);
		lua_rawget(w->L, -2);
		decode_again(w, m, data);
	}
	set_member(w, m);
}
#else
static inline void fill_member(struct codec_run *w, const struct step *m, const char *data)
{
	lua_rawgeti(w->L, w->names, codec_step_number(w, m) + 1);
	if (!has_table(w, m)) {
		decode(w, m, data);
	} else {
		lua_pushvalue(w->L, -1);
		lua_rawget(w->L, -3);
		decode_again(w, m, data);
	}
	lua_rawset(w->L, -3);
}
#endif

static __attribute__((noinline)) void fill_struct(struct codec_run *w, const struct step *s,
						  const char *data)
{
	const struct step *m = s + 1;
	bool lost = w->lost;

	w->lost = s->is_union;
	w->is_plain = false;
	for (uint32_t i = 0; i < s->count; i++, m += m->span)
		fill_member(w, m, data + m->offset);
	keep_origin(w, s, data,
		    w->lost || has_padding(w, m, step_end(s), data) || ends_early(w, s, data));
	w->lost = lost;
}

static __attribute__((noinline)) void fill_elements(struct codec_run *w, const struct step *s,
						    const char *data, size_t n)
{
	bool lost = w->lost;

	w->lost = false;
	for (size_t i = 0; i < n; i++) {
		if (has_table(w, s + 1)) {
			lua_rawgeti(w->L, -1, (int)i + 1);
			decode_again(w, s + 1, data + i * s->size);
		} else {
			decode(w, s + 1, data + i * s->size);
		}
		lua_rawseti(w->L, -2, (int)i + 1);
	}
	if (w->fills)
		end_list(w->L, n);
	keep_origin(w, s, data, w->lost);
	w->lost = lost;
}

/* Sets the members or elements of the table on top. */
static void fill_table(struct codec_run *w, const struct step *s, const char *data)
{
	if (s->kind == STEP_STRUCT) {
		fill_struct(w, s, data);
	} else {
		fill_elements(w, s, data, codec_count(w, s, data));
		w->lost |= s->is_flexible && (size_t)(w->end - data) % s->size;
	}
	w->is_plain = false;
}

static void push_array_table(lua_State *L, size_t n)
{
	lua_createtable(L, n < INT_MAX ? (int)n : 0, 0);
}

static void decode_table(struct codec_run *w, const struct step *s, const char *data)
{
	check_stack(w);
	if (s->kind == STEP_STRUCT)
		lua_createtable(w->L, 0, (int)s->count);
	else
		push_array_table(w->L, codec_count(w, s, data));
	fill_table(w, s, data);
}

/* Replaces what is on top by the value: by itself, if it is a table, filled again. */
static void decode_again(struct codec_run *w, const struct step *s, const char *data)
{
	if (!lua_istable(w->L, -1)) {
		lua_pop(w->L, 1);
		decode_table(w, s, data);
		return;
	}
	check_stack(w);
	fill_table(w, s, data);
}

/* What events are mostly made of takes a short way: is the step of that kind, and pushed? */
static inline bool decode_plain(struct codec_run *w, const struct step *s, const char *data)
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
	if (s->kind == STEP_STRING && s->size <= sizeof(struct short_string) && !s->is_whole &&
	    (size_t)(w->end - data) >= s->size) {
		push_short_string(w, s, data);
		return true;
	}
	return false;
}

static __attribute__((noinline)) void decode_other(struct codec_run *w, const struct step *s,
						   const char *data)
{
	switch (s->kind) {
	case STEP_FLOAT:
		decode_float(w, data, s->size);
		break;
	case STEP_STRING:
		decode_string(w, s, data);
		break;
	case STEP_BYTES:
		lua_pushlstring(w->L, data, s->size);
		break;
	case STEP_STRUCT:
	case STEP_ARRAY:
		decode_table(w, s, data);
		break;
	default:
		decode_integer(w, s, data);
	}
	w->is_plain = false;
}

static inline void decode(struct codec_run *w, const struct step *s, const char *data)
{
	if (!decode_plain(w, s, data))
		decode_other(w, s, data);
}

/* How many elements there are, says the integer: none if that is negative. */
static uint64_t load_count(const struct step *s, const char *data)
{
	uint32_t bits = s->bits ? s->bits : 8 * s->size;
	uint64_t value = s->bits ? codec_load_bits(s, data) : codec_load(data, s->size);

	return s->is_signed && codec_extend(value, bits) < 0 ? 0 : value;
}

/* A part that need not be there, or not all of it. */
static __attribute__((noinline)) void decode_partly(struct codec_run *w,
						    const struct plan_part *part, const char *bytes)
{
	const struct step *s = part->step;
	const char *data = bytes + part->offset;
	size_t size = (size_t)(w->end - bytes);
	uint64_t n;

	if (part->may_lack && (part->offset > size || step_bytes(s) > size - part->offset)) {
		lua_pushnil(w->L);
		return;
	}
	if (!part->count) {
		decode(w, s, data);
		return;
	}
	n = load_count(part->count, bytes + part->count_offset);
	if (n > codec_count(w, s, data))
		n = codec_count(w, s, data);
	if (s->kind == STEP_STRING) {
		lua_pushlstring(w->L, data, n);
		return;
	}
	check_stack(w);
	push_array_table(w->L, n);
	fill_elements(w, s, data, n);
}

int codec_fill(lua_State *L, const struct codec *c, int names, const void *data, size_t size)
{
	const char *bytes = data;
	struct codec_run w = {
		.L = L, .codec = c, .names = names, .end = bytes + size, .fills = true};

	if (names < 0 && names > LUA_REGISTRYINDEX)
		w.names = lua_absindex(L, names);
	fill_table(&w, c->plan.steps, bytes);
	return 1;
}

int codec_decode(lua_State *L, const struct codec *c, int names, const void *data, size_t size)
{
	const char *bytes = data;
	struct codec_run w = {.L = L, .codec = c, .names = names, .end = bytes + size};

	/* a C function always has some free stack slots */
	if (c->n_parts > 8)
		luaL_checkstack(L, codec_values(c) + 6, "too many fields");
	if (names < 0 && names > LUA_REGISTRYINDEX)
		w.names = lua_absindex(L, names);
	if (!c->parts)
		decode(&w, c->plan.steps, bytes);
	for (size_t i = 0; i < c->n_parts; i++) {
		const struct plan_part *part = &c->parts[i];

		if (c->is_partial)
			decode_partly(&w, part, bytes);
		else
			decode(&w, part->step, bytes + part->offset);
	}
	return c->parts ? (int)c->n_parts : 1;
}

/* Tables that Lua makes ----------------------------------------------------------------- */

/* A function has up to 250 registers, and these are its arguments. Few structures have more. */
#define MEMBERS_MAX 50

int codec_members(const struct codec *c)
{
	const struct step *s = c->plan.steps;

	if (c->parts || s->kind != STEP_STRUCT || s->is_union || s->count > MEMBERS_MAX)
		return 0;
	for (uint32_t i = 1; i <= s->count; i++)
		if (s[i].kind == STEP_STRUCT || s[i].kind == STEP_ARRAY)
			return 0;
	return (int)s->count;
}

/* Pushes the values of the members. Do they say all that the bytes do? */
static bool push_members(struct codec_run *w, const char *bytes)
{
	const struct step *s = w->codec->plan.steps, *m = s + 1;

	for (uint32_t i = 0; i < s->count; i++, m++)
		decode(w, m, bytes + m->offset);
	return !w->lost && !has_padding(w, m, step_end(s), bytes) && !ends_early(w, s, bytes);
}

int codec_push_members(lua_State *L, const struct codec *c, int names, int into, const void *data,
		       size_t size)
{
	struct codec_run w = {.L = L, .codec = c, .names = names, .end = (const char *)data + size};
	int top = lua_gettop(L), values = 1 + (int)c->plan.steps->count;

	if (values > 8)
		luaL_checkstack(L, values + 8, "too many members");
	if (into) {
		lua_pushboolean(L, 0);
		/* A finalizer may set a metatable while the values are made. From here on none runs
		 * until Lua has set the members: setting one runs no collection.
		 */
		if (push_members(&w, data) && !has_metatable(L, into)) {
			if (c->plan.steps->is_lossy || c->numbers)
				origin_drop(&w, into);
			return values;
		}
		lua_settop(L, top); /* C makes the table, and reads all members again */
	}
	if (into && lua_istable(L, into)) {
		lua_pushvalue(L, into);
		codec_fill(L, c, names, data, size);
	} else {
		codec_decode(L, c, names, data, size);
	}
	lua_settop(L, top + values);
	return values;
}
