/* Shared by the codec's files: a plan with its names, and one conversion. */
#ifndef LBPF_BTF_CODEC_INTERNAL_H
#define LBPF_BTF_CODEC_INTERNAL_H

#include "base/compat.h"
#include "btf/codec_plan.h"

/* A cache of the last strings. Creating a string takes Lua more time than all other fields of an
 * event, and the same strings often repeat.
 */
#define STRINGS_KNOWN 64

struct short_string {
	uint64_t bytes[2];
};

struct strings {
	uint64_t known; /* a bit for each */
	uint64_t lossy; /* those with bytes behind their zero */
	struct short_string bytes[STRINGS_KNOWN];
};

/* The table of its names: that of step I at I + 1; at -I - 1 of an enum its names by value, and its
 * values by name; and the strings that are known after the names.
 */
struct codec {
	unsigned refs;
	struct plan plan;
	struct plan_part *parts; /* NULL: the whole type */
	size_t n_parts;
	uint32_t least;          /* what bytes there must be */
	struct strings *strings; /* NULL: the type has no short ones */
	bool is_partial;         /* a part need not be there, or not all of it */
	bool enum_names;
	bool needs_names; /* decoding needs names; encoding does only with enum_names */
	bool numbers;     /* 64-bit integers as numbers, in Luas without such integers */
};

struct codec_run {
	lua_State *L;
	const struct codec *codec;
	int names;       /* index of the table */
	int arg;         /* what is encoded; 0: no argument */
	const char *end; /* of the bytes: an array may end there before it has all elements */
	bool lost;       /* decoding: a value does not say all that its bytes do */
	bool fills;      /* decoding: there may be tables from before */
	bool is_plain;   /* decoding: the table has no metatable; no finalizer has set one since */
};

static inline int codec_step_number(const struct codec_run *w, const struct step *s)
{
	return (int)(s - w->codec->plan.steps);
}

/* How many elements of an array are at DATA: of a flexible one, as many as there are. */
static inline size_t codec_count(const struct codec_run *w, const struct step *s, const char *data)
{
	size_t size = s->kind == STEP_STRING ? 1 : s->size;
	size_t count = s->kind == STEP_STRING ? s->size : s->count;
	size_t left = data < w->end && size ? (size_t)(w->end - data) / size : 0;

	return s->is_flexible || (count > left && size) ? left : count;
}

/* The value that the low BITS of VALUE are, as a signed integer. */
static inline int64_t codec_extend(uint64_t value, uint32_t bits)
{
	return bits >= 64 ? (int64_t)value : (int64_t)(value << (64 - bits)) >> (64 - bits);
}

uint64_t codec_load(const char *data, uint32_t size);
uint64_t codec_load_bits(const struct step *s, const char *data);

/* Is the number the integer, which may be signed? A double has 53 bits. */
bool codec_is_exact(double d, uint64_t value);

/* Pushes what an enum's value is in the table of its names: the number, or, if a number cannot hold
 * it, its bytes. And the value of what is at IDX there; false if that is none.
 */
void codec_push_enum_value(lua_State *L, uint64_t value);
bool codec_to_enum_value(lua_State *L, int idx, uint64_t *value);

/* Tables that were read know the bytes that they were made of, where their values do not say all of
 * these; see codec_origin.c. Keeps what is at DATA as the origin of the table on top.
 */
void origin_keep(const struct codec_run *w, const struct step *s, const char *data);

/* The table at VALUE, if it is one, has no origin any more. */
void origin_drop(const struct codec_run *w, int value);

/* The origin of the table at VALUE, pushed, and its length in *SIZE. NULL if it has none as a value
 * of this type, and then nothing is pushed.
 */
const char *origin_push(const struct codec_run *w, const struct step *s, int value, size_t *size);

/* Pushes the table of all origins. */
void origin_push_all(lua_State *L);

void origin_open(lua_State *L);

#endif
