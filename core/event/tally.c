#include "event/tally.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

void tally_add_cell(struct tally *t, enum operation operation)
{
	struct groups *g = &t->groups;

	t->cells[t->n_cells++] = (struct cell){operation, g->all_words};
	g->all_words += operation == HIST ? BUCKETS : 1;
}

bool tally_begin(struct tally *t)
{
	uint32_t words = 0;

	for (uint32_t i = 0; i < t->n_keys; i++)
		words += field_words(&t->fields[i]);
	t->key = calloc(words + 1, sizeof(*t->key));
	if (!t->key)
		return false;
	t->groups.key_words = words;
	t->groups.all_words += words;
	return true;
}

void tally_clear(struct tally *t)
{
	groups_clear(&t->groups);
	t->events = t->dropped = 0;
}

void tally_free(struct tally *t)
{
	groups_clear(&t->groups);
	free(t->fields);
	free(t->cells);
	free(t->key);
}

/* A word of a string, less its first zero and what follows; *ENDED: there was one. */
static uint64_t end_at_zero(uint64_t word, bool *ended)
{
	uint64_t bytes = htole64(word);
	uint64_t zeros =
		(bytes - UINT64_C(0x0101010101010101)) & ~bytes & UINT64_C(0x8080808080808080);

	*ended = zeros != 0;
	return zeros ? le64toh(bytes & ((zeros & -zeros) - 1)) : word;
}

/* The first N bytes of a word, from 1 to 7; the others are zero. */
static uint64_t load_bytes(const char *data, size_t n)
{
	uint64_t word = 0;

	if (n == 4) /* most are integers */
		memcpy(&word, data, 4);
	else
		memcpy(&word, data, n);
	return word;
}

/* Writes a field's bytes as words: what Lua has as one value is one key. Returns how many words. */
static uint32_t write_key(const struct tally_field *p, const char *data, size_t size, uint64_t *key)
{
	size_t left = p->offset < size ? size - p->offset : 0;
	bool is_string = p->kind == STEP_STRING && !p->is_whole, ended = false;
	uint32_t words = field_words(p), w = 0;

	if (left > p->size)
		left = p->size;
	for (data += p->offset; left > 0 && !ended; data += 8) {
		uint64_t word;

		if (left >= 8)
			memcpy(&word, data, 8);
		else
			word = load_bytes(data, left);
		key[w++] = is_string ? end_at_zero(word, &ended) : word;
		left -= left < 8 ? left : 8;
	}
	while (w < words)
		key[w++] = 0;
	if (p->kind == STEP_BOOL && key[0])
		key[0] = htole64(1);
	return words;
}

/* The integer, sign-extended if it has a sign. */
static uint64_t load_value(const struct tally_field *p, const char *data)
{
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	data += p->offset;
	switch (p->size) {
	case 1:
		memcpy(&u8, data, 1);
		return p->is_signed ? (uint64_t)(int8_t)u8 : u8;
	case 2:
		memcpy(&u16, data, 2);
		return p->is_signed ? (uint64_t)(int16_t)u16 : u16;
	case 4:
		memcpy(&u32, data, 4);
		return p->is_signed ? (uint64_t)(int32_t)u32 : u32;
	default:
		memcpy(&u64, data, 8);
		return u64;
	}
}

static bool is_less(const struct tally_field *p, uint64_t a, uint64_t b)
{
	return p->is_signed ? (int64_t)a < (int64_t)b : a < b;
}

static uint32_t bucket_of(const struct tally_field *p, uint64_t value)
{
	if (p->is_signed && (int64_t)value < 0)
		return 0;
	return value ? 65 - (uint32_t)__builtin_clzll(value) : 1;
}

/* STATE: what is known of the group: first the count of the events before this one. */
static void update_cell(const struct cell *c, const struct tally_field *p, uint64_t value,
			uint64_t *state)
{
	uint64_t *word = state + c->word;

	switch (c->operation) {
	case MIN:
		if (state[0] == 0 || is_less(p, value, *word))
			*word = value;
		break;
	case MAX:
		if (state[0] == 0 || is_less(p, *word, value))
			*word = value;
		break;
	case HIST:
		word[bucket_of(p, value)]++;
		break;
	default:
		*word += value;
	}
}

void tally_add(struct tally *t, const char *data, size_t size)
{
	const struct tally_field *p = t->fields;
	uint64_t *key = t->key, *state;

	t->events++;
	for (uint32_t i = 0; i < t->n_keys; i++, p++)
		key += write_key(p, data, size, key);
	state = groups_find(&t->groups, t->key);
	if (!state) {
		t->dropped++;
		return;
	}
	for (uint32_t i = 0; i < t->n_cells; i++, p++)
		update_cell(&t->cells[i], p, load_value(p, data), state);
	state[0]++;
}
