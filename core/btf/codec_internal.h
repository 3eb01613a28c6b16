/* What the codec's files share: a plan with the names it refers to, and one run through it. */
#ifndef LBPF_BTF_CODEC_INTERNAL_H
#define LBPF_BTF_CODEC_INTERNAL_H

#include "base/compat.h"
#include "btf/codec_plan.h"

/* A part that was asked for by name. */
struct codec_part {
	const struct step *step;
	uint32_t base; /* what its offset counts from */
};

/* The last strings that were decoded. A string costs Lua more than all other fields of an event,
 * and the same ones come again.
 */
#define STRINGS_KNOWN 64

struct short_string {
	uint64_t bytes[2];
};

struct strings {
	uint64_t known; /* a bit for each */
	struct short_string bytes[STRINGS_KNOWN];
};

/* The table of its names: that of step I at I + 1; the names of an enum, by value, at -I - 1; and
 * the strings that are known after the names.
 */
struct codec {
	unsigned refs;
	struct plan plan;
	struct codec_part *parts; /* NULL: the whole */
	size_t n_parts;
	struct strings *strings; /* NULL: the type has no short ones */
	bool enum_names;
	bool needs_names; /* decoding does; encoding only if it has enum_names */
	bool numbers;     /* integers of 64 bits as plain numbers, where Lua has no such integers */
};

struct codec_run {
	lua_State *L;
	const struct codec *codec;
	int names; /* index of the table */
	int arg;   /* what is encoded; 0: no argument */
};

static inline int codec_step_number(const struct codec_run *w, const struct step *s)
{
	return (int)(s - w->codec->plan.steps);
}

/* The value that the low BITS of VALUE are, as a signed integer. */
static inline int64_t codec_extend(uint64_t value, uint32_t bits)
{
	return bits >= 64 ? (int64_t)value : (int64_t)(value << (64 - bits)) >> (64 - bits);
}

#endif
