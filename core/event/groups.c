#include "event/groups.h"

#include <stdlib.h>
#include <string.h>

/* How many groups the first memory is for. */
#define FEW 16

/* The slot where a search begins: the high bits of the hash, which all bits of the key change. */
static uint32_t first_slot(const struct groups *g, const uint64_t *key)
{
	uint64_t h = 0;

	for (uint32_t i = 0; i < g->key_words; i++)
		h = ((h << 29 | h >> 35) ^ key[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> g->hash_shift);
}

static bool is_key(const struct groups *g, uint32_t i, const uint64_t *key)
{
	const uint64_t *words = groups_at(g, i);

	for (uint32_t w = 0; w < g->key_words; w++)
		if (words[w] != key[w])
			return false;
	return true;
}

/* The slot of the group with this key, or the free one where it belongs. There always is a free
 * one. */
static uint32_t *find_slot(const struct groups *g, const uint64_t *key)
{
	uint32_t at = first_slot(g, key);

	while (g->slots[at] && !is_key(g, g->slots[at] - 1, key))
		at = (at + 1) & g->slot_mask;
	return &g->slots[at];
}

static bool grow_groups(struct groups *g)
{
	uint32_t capacity = g->capacity ? 2 * g->capacity : FEW;
	uint64_t *words = realloc(g->words, (size_t)capacity * g->all_words * sizeof(*words));
	uint32_t *slots;

	if (!words)
		return false;
	g->words = words;
	slots = calloc(2 * (size_t)capacity, sizeof(*slots));
	if (!slots)
		return false;
	free(g->slots);
	g->slots = slots;
	g->slot_mask = 2 * capacity - 1;
	g->hash_shift = (uint32_t)__builtin_clzll(g->slot_mask);
	g->capacity = capacity;
	for (uint32_t i = 0; i < g->n; i++)
		*find_slot(g, groups_at(g, i)) = i + 1;
	return true;
}

static uint64_t *add(struct groups *g, const uint64_t *key)
{
	uint64_t *words;

	if (g->n >= g->max_entries || (g->n == g->capacity && !grow_groups(g)))
		return NULL;
	words = g->words + (size_t)g->n * g->all_words;
	memset(words, 0, g->all_words * sizeof(*words));
	memcpy(words, key, g->key_words * sizeof(*words));
	*find_slot(g, key) = ++g->n;
	return words + g->key_words;
}

uint64_t *groups_find(struct groups *g, const uint64_t *key)
{
	uint32_t i = g->slots ? *find_slot(g, key) : 0;

	return i ? g->words + (size_t)(i - 1) * g->all_words + g->key_words : add(g, key);
}

void groups_clear(struct groups *g)
{
	free(g->words);
	free(g->slots);
	g->words = NULL;
	g->slots = NULL;
	g->n = g->capacity = 0;
}
