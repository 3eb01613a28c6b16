/* Values to bytes: tables, and what is made of those that were read. */
#include "btf/codec_encode.h"
#include "btf/codec.h"
#include "btf/codec_internal.h"

#include "base/nearest.h"
#include <string.h>

/* Writes what VALUE says to DATA. ORIGIN (may be NULL) is what was there when it was read: where
 * the value says the same, it stays.
 */
static void encode(const struct codec_run *w, const struct step *s, char *data, const char *origin,
		   int value, const struct place *p);

/* Tables -------------------------------------------------------------------------------- */

static const struct step *member(const struct step *s, const char *name)
{
	const struct step *m = s + 1;

	for (uint32_t i = 0; i < s->count; i++, m += m->span)
		if (*m->name == *name && strcmp(m->name, name) == 0) /* most differ at once */
			return m;
	return NULL;
}

/* Raises: there is none that AT names, but others. */
static void refuse_member(const struct codec_run *w, const struct step *s, const struct place *at)
{
	struct nearest near = {.wanted = at->name};
	const struct step *m = s + 1;

	for (uint32_t i = 0; i < s->count; i++, m += m->span)
		nearest_add(&near, m->name);
	encode_refuse(w, at,
		      lua_pushfstring(w->L, "there is no such member; there are: %s",
				      nearest_push(w->L, &near)));
}

/* The member that the key at index KEY names, and its place in *AT. */
static const struct step *member_at(const struct codec_run *w, const struct step *s, int key,
				    const struct place *p, struct place *at)
{
	lua_State *L = w->L;
	const char *name = lua_type(L, key) == LUA_TSTRING ? lua_tostring(L, key) : NULL;
	const struct step *m = name ? member(s, name) : NULL;

	*at = (struct place){p, name, 0};
	if (!name)
		encode_refuse(w, p, "the names of members must be strings");
	if (!m)
		refuse_member(w, s, at);
	return m;
}

/* Members that the table does not have are left zero. */
static void encode_members(const struct codec_run *w, const struct step *s, char *data, int value,
			   const struct place *p)
{
	lua_State *L = w->L;
	int key = lua_gettop(L) + 1;
	struct place at;

	lua_pushnil(L);
	for (; lua_next(L, value); lua_settop(L, key)) {
		const struct step *m = member_at(w, s, key, p, &at);

		encode(w, m, data + m->offset, NULL, key + 1, &at);
	}
}

/* Where members share bits, and where the bytes are known that the table was read from, the members
 * are gone through in their order:
 *
 * - what is not in the table any more becomes zero;
 * - what says the same as when it was read has no part in it;
 * - what was changed is written. Others that share its bits must say the same.
 */
struct merge {
	struct codec_run w; /* in the scratch */
	const struct step *s;
	int value;          /* index of the table */
	const char *origin; /* NULL: it was not read */
	char *data, *scratch;
	size_t size;
	bool *changed; /* for each member */
};

typedef void merge_member(struct merge *m, const struct step *member, uint32_t i,
			  const struct place *at);

static bool bits_equal(const char *a, const char *b, uint64_t first, uint64_t end)
{
	for (; first < end && first % 8; first++)
		if ((a[first / 8] ^ b[first / 8]) & encode_bit_mask(first))
			return false;
	if (end > first && memcmp(a + first / 8, b + first / 8, (end - first) / 8) != 0)
		return false;
	for (first = end > first ? end - (end - first) % 8 : end; first < end; first++)
		if ((a[first / 8] ^ b[first / 8]) & encode_bit_mask(first))
			return false;
	return true;
}

static void copy_bits(char *to, const char *from, uint64_t first, uint64_t end)
{
	for (; first < end && (first % 8 || end - first < 8); first++)
		to[first / 8] = (char)((to[first / 8] & ~encode_bit_mask(first)) |
				       (from[first / 8] & encode_bit_mask(first)));
	if (first == end)
		return;
	memcpy(to + first / 8, from + first / 8, (end - first) / 8);
	for (first = end - (end - first) % 8; first < end; first++)
		to[first / 8] = (char)((to[first / 8] & ~encode_bit_mask(first)) |
				       (from[first / 8] & encode_bit_mask(first)));
}

/* The end of a member's bits: of a flexible one, that of all. */
static uint64_t end_bit(const struct merge *m, const struct step *member)
{
	return member->is_flexible ? (uint64_t)m->size * 8 : step_last_bit(member);
}

/* Calls FN for each member; with its value on top, which is nil if the table has none. */
static void each_member(struct merge *m, merge_member *fn, const struct place *p)
{
	lua_State *L = m->w.L;
	const struct step *member = m->s + 1;

	for (uint32_t i = 0; i < m->s->count; i++, member += member->span) {
		struct place at = {p, member->name, 0};

		lua_pushstring(L, member->name);
		lua_rawget(L, m->value);
		fn(m, member, i, &at);
		lua_pop(L, 1);
	}
}

static void clear_absent(struct merge *m, const struct step *member, uint32_t i,
			 const struct place *at)
{
	(void)i;
	(void)at;
	if (lua_isnil(m->w.L, -1)) /* the scratch is zero yet */
		copy_bits(m->data, m->scratch, step_first_bit(member), end_bit(m, member));
}

static void restore_present(struct merge *m, const struct step *member, uint32_t i,
			    const struct place *at)
{
	(void)i;
	(void)at;
	if (!lua_isnil(m->w.L, -1))
		copy_bits(m->data, m->origin, step_first_bit(member), end_bit(m, member));
}

/* Raises if a member before the I-th was changed to something else. */
static void check_others(struct merge *m, const struct step *member, uint32_t i,
			 const struct place *at)
{
	const struct step *other = m->s + 1;

	for (uint32_t j = 0; j < i; j++, other += other->span) {
		uint64_t first = step_first_bit(member), end = end_bit(m, member);

		if (first < step_first_bit(other))
			first = step_first_bit(other);
		if (end > end_bit(m, other))
			end = end_bit(m, other);
		if (m->changed[j] && !bits_equal(m->data, m->scratch, first, end))
			encode_refuse(
				&m->w, at,
				lua_pushfstring(m->w.L,
						"shares bytes with '%s', and says something else: "
						"give one of them",
						other->name));
	}
}

/* Bytes after the last element of an array without a length, too few for another, stay as long as
 * there are as many elements as there were. Its value is on top.
 */
static void keep_rest(struct merge *m, const struct step *member)
{
	size_t n = lua_rawlen(m->w.L, -1), rest = member->offset + n * member->size;

	if (m->origin && member->kind == STEP_ARRAY && rest < m->size &&
	    m->size - rest < member->size)
		memcpy(m->scratch + rest, m->origin + rest, m->size - rest);
}

static void write_changed(struct merge *m, const struct step *member, uint32_t i,
			  const struct place *at)
{
	uint64_t first = step_first_bit(member), end = end_bit(m, member);
	lua_State *L = m->w.L;

	if (lua_isnil(L, -1))
		return;
	encode(&m->w, member, m->scratch + member->offset,
	       m->origin ? m->origin + member->offset : NULL, lua_gettop(L), at);
	if (member->is_flexible)
		keep_rest(m, member);
	m->changed[i] = !m->origin || !bits_equal(m->scratch, m->origin, first, end);
	if (!m->changed[i])
		return;
	check_others(m, member, i, at);
	copy_bits(m->data, m->scratch, first, end);
}

static void merge_members(const struct codec_run *w, const struct step *s, char *data, int value,
			  const struct place *p, const char *origin, size_t origin_size)
{
	lua_State *L = w->L;
	size_t size = encode_space(w, s, data), all = 2 * size + s->count;
	struct merge m = {.w = *w, .s = s, .value = value, .data = data, .size = size};
	char *memory = compat_newuserdata(L, all + 1);
	struct place at;

	memset(memory, 0, all);
	if (origin)
		m.origin = memcpy(memory, origin, origin_size < size ? origin_size : size);
	memcpy(data, memory, size);
	m.scratch = memory + size;
	m.w.end = m.scratch + size;
	m.changed = (bool *)(m.scratch + size);
	lua_pushnil(L);
	for (; lua_next(L, value); lua_pop(L, 1))
		member_at(w, s, lua_gettop(L) - 1, p, &at);
	if (origin) {
		each_member(&m, clear_absent, p);
		each_member(&m, restore_present, p);
	}
	each_member(&m, write_changed, p);
	lua_pop(L, 1);
}

static void encode_struct(const struct codec_run *w, const struct step *s, char *data, int value,
			  const struct place *p)
{
	size_t size = 0;
	const char *origin =
		s->is_lossy || w->codec->numbers ? origin_push(w, s, value, &size) : NULL;

	memset(data, 0, encode_space(w, s, data));
	if (origin || s->is_union)
		merge_members(w, s, data, value, p, origin, size);
	else
		encode_members(w, s, data, value, p);
	if (origin)
		lua_pop(w->L, 1);
}

static void encode_array(const struct codec_run *w, const struct step *s, char *data, int value,
			 const struct place *p)
{
	lua_State *L = w->L;
	size_t n = lua_rawlen(L, value), count = codec_count(w, s, data), size = 0;
	const char *origin =
		s->is_lossy || w->codec->numbers ? origin_push(w, s, value, &size) : NULL;

	if (n > count)
		encode_refuse(
			w, p,
			lua_pushfstring(L, "%d elements, expected at most %d", (int)n, (int)count));
	memset(data, 0, encode_space(w, s, data));
	for (size_t i = 0; i < n; i++) {
		bool was_read = origin && (i + 1) * s->size <= size;
		struct place at = {p, NULL, (uint32_t)i + 1};

		lua_rawgeti(L, value, (int)i + 1);
		encode(w, s + 1, data + i * s->size, was_read ? origin + i * s->size : NULL,
		       lua_gettop(L), &at);
		lua_pop(L, 1);
	}
	if (origin)
		lua_pop(L, 1);
}

static void encode_table(const struct codec_run *w, const struct step *s, char *data, int value,
			 const struct place *p)
{
	luaL_checkstack(w->L, 12, "a type is nested too deep");
	if (lua_type(w->L, value) == LUA_TSTRING)
		encode_bytes(w, s, data, value, p);
	else if (!lua_istable(w->L, value))
		encode_refuse(w, p,
			      lua_pushfstring(w->L, "expected a table, or its bytes, got %s",
					      luaL_typename(w->L, value)));
	else if (s->kind == STEP_STRUCT)
		encode_struct(w, s, data, value, p);
	else
		encode_array(w, s, data, value, p);
}

static void encode_changed_leaf(const struct codec_run *w, const struct step *s, char *data,
				const char *origin, int value, const struct place *p)
{
	encode_leaf(w, s, data, value, p);
	if (encode_says_same(w, s, data, origin, value))
		copy_bits(data, origin, s->shift,
			  s->shift + (s->bits ? s->bits : (uint64_t)s->size * 8));
}

static void encode(const struct codec_run *w, const struct step *s, char *data, const char *origin,
		   int value, const struct place *p)
{
	if (s->kind == STEP_STRUCT || s->kind == STEP_ARRAY)
		encode_table(w, s, data, value, p);
	else if (origin)
		encode_changed_leaf(w, s, data, origin, value, p);
	else
		encode_leaf(w, s, data, value, p);
}

/* What there is of a flexible array in the table at VALUE: its end. */
static size_t flexible_end(const struct codec_run *w, const struct step *m, int value, size_t was)
{
	lua_State *L = w->L;
	size_t n, size = m->kind == STEP_ARRAY ? m->size : 1;
	bool is_bytes;

	lua_pushstring(L, m->name);
	lua_rawget(L, value);
	is_bytes = lua_type(L, -1) == LUA_TSTRING;
	n = is_bytes || lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
	lua_pop(L, 1);
	if (is_bytes)
		return m->offset + n;
	if (was >= m->offset && (was - m->offset) / size == n)
		return was;
	return m->offset + n * size;
}

size_t codec_encoded_size(lua_State *L, const struct codec *c, int value)
{
	struct codec_run w = {.L = L, .codec = c};
	const struct step *s = c->plan.steps, *m = s + 1;
	size_t size = 0, was = 0;

	if (!c->plan.is_flexible)
		return c->plan.size;
	if (lua_type(L, value) == LUA_TSTRING && lua_rawlen(L, value) >= c->plan.least)
		return lua_rawlen(L, value);
	if (!lua_istable(L, value))
		return c->plan.size;
	value = lua_absindex(L, value);
	if (origin_push(&w, s, value, &was))
		lua_pop(L, 1);
	for (uint32_t i = 0; i < s->count; i++, m += m->span) {
		size_t end = m->is_flexible ? flexible_end(&w, m, value, was) : 0;

		if (end > size)
			size = end;
	}
	return size > c->plan.size || was ? size : c->plan.size;
}

void codec_encode(lua_State *L, const struct codec *c, int names, int value, void *out, size_t size,
		  int arg, const char *name)
{
	struct codec_run w = {
		.L = L, .codec = c, .names = names, .arg = arg, .end = (char *)out + size};
	struct place whole = {NULL, name, 0};

	if (c->enum_names)
		codec_check_names(L, w.names);
	encode(&w, c->plan.steps, out, NULL, value, name ? &whole : NULL);
}
