/* Groups of events that have the same key: a hash table with open addressing. It knows no Lua, and
 * may be used in a callback of libbpf's.
 */
#ifndef LBPF_EVENT_GROUPS_H
#define LBPF_EVENT_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A group is so many words: its key, and what is known of it. */
struct groups {
	uint64_t *words;
	uint32_t *slots; /* by hash: a group's number + 1; 0: free */
	uint32_t n, capacity, max_entries;
	uint32_t slot_mask;  /* there are twice as many slots as there may be groups */
	uint32_t hash_shift; /* so that the high bits of a hash are a slot's number */
	uint32_t key_words, all_words;
};

/* What is known of the group with this KEY; all zero if it is new. NULL if there are too many
 * groups, or if there is not enough memory. Valid until the next call.
 */
uint64_t *groups_find(struct groups *g, const uint64_t *key);

/* The words of the I-th group. */
static inline const uint64_t *groups_at(const struct groups *g, uint32_t i)
{
	return g->words + (size_t)i * g->all_words;
}

/* Removes all groups, and their memory. */
void groups_clear(struct groups *g);

#endif
