/* The plan of a BTF type: its parts in the order in which they are decoded, with nothing left to
 * look up.
 */
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
	STEP_ENUM,   /* an integer, SIGNED or not, that has names */
	STEP_STRING, /* an array of char */
	STEP_BYTES,  /* what has no other form, such as integers of 128 bits */
	STEP_STRUCT, /* COUNT members follow, each with its steps */
	STEP_ARRAY,  /* the steps of an element follow, for COUNT elements */
};

struct step {
	enum step_kind kind;
	bool is_signed;
	uint8_t bits, shift; /* of a bit field: its width, and where it starts in its first byte */
	uint32_t offset;     /* from the start of the whole, or of the element of an array */
	uint32_t size;       /* in bytes; of an array's element */
	uint32_t count;
	uint32_t span; /* how many steps this one is, those that follow it and belong to it included
			*/
	uint32_t type; /* in BTF */
	const char *name; /* of a member */
};

struct plan {
	uint32_t size; /* of the whole in bytes */
	uint32_t n, room;
	struct step *steps;
	char *names; /* the steps' */
};

/* Compiles a type. 0, or -errno: -ELOOP if it is too deep, -EINVAL if it has no size. */
int plan_compile(struct plan *plan, const struct btf *btf, uint32_t type);
void plan_free(struct plan *plan);

/* The part at PATH, "a.b[2].c"; in OFFSET where it starts. NULL if there is none. */
const struct step *plan_find(const struct plan *plan, const char *path, uint32_t *offset);

#endif
