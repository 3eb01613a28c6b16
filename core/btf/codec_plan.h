/* The plan of a BTF type: its parts in the order of decoding, with all that is needed for it. */
#ifndef LBPF_BTF_CODEC_PLAN_H
#define LBPF_BTF_CODEC_PLAN_H

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum step_kind {
	STEP_UNSIGNED,
	STEP_SIGNED,
	STEP_BOOL,
	STEP_FLOAT,
	STEP_ENUM,   /* an integer with names */
	STEP_STRING, /* an array of char */
	STEP_BYTES,  /* other types, such as 128-bit integers */
	STEP_STRUCT, /* COUNT members follow, each with its steps */
	STEP_ARRAY,  /* the steps of one element follow; there are COUNT elements */
};

struct step {
	enum step_kind kind;
	bool is_signed;
	uint8_t bits, shift; /* of a bit field: its width, and its first bit in its first byte */
	uint32_t offset;     /* in the whole type, or in the element of an array */
	uint32_t size;       /* in bytes; for an array, of its element */
	uint32_t count;
	uint32_t span;    /* the number of its steps, including those that belong to it */
	uint32_t type;    /* in BTF */
	const char *name; /* of a member */
};

struct plan {
	uint32_t size; /* of the whole type, in bytes */
	uint32_t n, room;
	struct step *steps;
	char *names; /* of the steps */
};

/* Compiles a type. Returns 0 or -errno: -ELOOP if it is nested too deeply, -EINVAL if it has no
 * size. */
int plan_compile(struct plan *plan, const struct btf *btf, uint32_t type);
void plan_free(struct plan *plan);

/* The part at PATH, "a.b[2].c", and its offset. NULL if there is no such part. */
const struct step *plan_find(const struct plan *plan, const char *path, uint32_t *offset);

#endif
