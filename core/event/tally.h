/* What an aggregate knows of events: groups of those whose keys are the same, and what it has
 * counted and added up of each. It knows no Lua, and may be used in a callback of libbpf's.
 */
#ifndef LBPF_EVENT_TALLY_H
#define LBPF_EVENT_TALLY_H

#include "btf/codec_plan.h"
#include "event/groups.h"

enum operation { SUM, AVG, MIN, MAX, HIST, OPERATIONS };

/* A histogram counts values by powers of 2: negative ones, zeros, and 64 more. */
#define BUCKETS 66

/* A field of an event. */
struct tally_field {
	enum step_kind kind;
	bool is_whole; /* a string: all its bytes, not those before the first zero */
	bool is_signed;
	uint32_t offset, size;
};

/* Where a group has what is known of a field's values. */
struct cell {
	enum operation operation;
	uint32_t word;
};

struct tally {
	uint32_t n_keys, n_cells;
	struct tally_field *fields; /* of the keys, then of the cells */
	struct cell *cells;
	uint64_t *key;        /* of the event that is being added */
	struct groups groups; /* a group: its key; the count of its events; its cells */
	double events, dropped;
};

/* How many words a field takes in a key. */
static inline uint32_t field_words(const struct tally_field *p)
{
	return (p->size + 7) / 8;
}

/* Adds a cell for an operation. There is memory for it. */
void tally_add_cell(struct tally *t, enum operation operation);

/* Makes room for the keys, which are known. False if there is not enough memory. */
bool tally_begin(struct tally *t);

/* Adds an event, which has all fields but the ends of strings. */
void tally_add(struct tally *t, const char *data, size_t size);

void tally_clear(struct tally *t);
void tally_free(struct tally *t);

#endif
