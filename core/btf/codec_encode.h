/* Shared by the files that turn values into bytes: where errors are, and leaves, which have no
 * parts. */
#ifndef LBPF_BTF_CODEC_ENCODE_H
#define LBPF_BTF_CODEC_ENCODE_H

#include "btf/codec_internal.h"

/* The place of an error: a member's name, and what it is a member of. */
struct place {
	const struct place *in;
	const char *name;
	uint32_t index; /* of an array element, from 1, if there is no name */
};

/* Raises: PROBLEM is what is wrong with what is encoded, at P. */
int encode_refuse(const struct codec_run *w, const struct place *p, const char *problem);

/* The mask of bit BIT in its byte, where bits are counted as BTF does. */
static inline uint8_t encode_bit_mask(uint64_t bit)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (uint8_t)(1u << bit % 8);
#else
	return (uint8_t)(0x80u >> bit % 8);
#endif
}

/* What the buffer has space for: the whole may end before its type does, in the padding. */
static inline size_t encode_space(const struct codec_run *w, const struct step *s, const char *data)
{
	bool to_end = s->is_flexible || s == w->codec->plan.steps;

	return to_end ? (size_t)(w->end - data) : step_bytes(s);
}

/* Writes what the value at VALUE, which is no table, says to DATA. */
void encode_leaf(const struct codec_run *w, const struct step *s, char *data, int value,
		 const struct place *p);

/* The same for a value that must be a string. */
void encode_bytes(const struct codec_run *w, const struct step *s, char *data, int value,
		  const struct place *p);

/* Does the value say all that decoding ORIGIN would? It was encoded to DATA. */
bool encode_says_same(const struct codec_run *w, const struct step *s, const char *data,
		      const char *origin, int value);

#endif
