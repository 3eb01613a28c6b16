/* Shared by the codec's files: a plan with its names, and one conversion. */
#ifndef LBPF_BTF_CODEC_INTERNAL_H
#define LBPF_BTF_CODEC_INTERNAL_H

#include "base/compat.h"
#include "btf/codec_plan.h"

/* A part of the type that option `fields` names. */
struct codec_part {
	const struct step *step;
	uint32_t base; /* is added to its offset */
};

/* A cache of the last strings. Creating a string takes Lua more time than all other fields of an
 * event, and the same strings often repeat.
 */
#define STRINGS_KNOWN 64

struct short_string {
	uint64_t bytes[2];
};

struct strings {
	uint64_t known; /* a bit for each */
	struct short_string bytes[STRINGS_KNOWN];
};

/* Its table of names has those of step I at I + 1, the names of an enum, by value, at -I - 1, and
 * after the names the cached strings.
 */
struct codec {
	unsigned refs;
	struct plan plan;
	struct codec_part *parts; /* NULL: the whole type */
	size_t n_parts;
	struct strings *strings; /* NULL: the type has no short strings */
	bool enum_names;
	bool needs_names; /* decoding needs names; encoding does only with enum_names */
	bool numbers;     /* 64-bit integers as numbers, in Luas without such integers */
};

struct codec_run {
	lua_State *L;
	const struct codec *codec;
	int names; /* index of the table */
	int arg;   /* the argument that is encoded; 0: none */
};

static inline int codec_step_number(const struct codec_run *w, const struct step *s)
{
	return (int)(s - w->codec->plan.steps);
}

/* Sign-extends the low BITS of VALUE. */
static inline int64_t codec_extend(uint64_t value, uint32_t bits)
{
	return bits >= 64 ? (int64_t)value : (int64_t)(value << (64 - bits)) >> (64 - bits);
}

#endif
