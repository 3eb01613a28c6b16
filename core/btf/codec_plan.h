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
	STEP_ENUM,    /* an integer, SIGNED or not, that has names */
	STEP_STRING,  /* an array of char */
	STEP_BYTES,   /* what has no other form, such as integers of 128 bits */
	STEP_STRUCT,  /* COUNT members follow, each with its steps; then its padding */
	STEP_ARRAY,   /* the steps of an element follow, for COUNT elements */
	STEP_PADDING, /* bytes of a structure, or BITS of one, that no member has */
};

struct step {
	enum step_kind kind;
	bool is_signed : 1;   /* of integers and enums */
	bool is_integer : 1;  /* bytes: an integer of 128 bits */
	bool any_sign : 1;    /* an enum: nobody says whether it is signed */
	bool is_union : 1;    /* members of the structure share bits */
	bool is_lossy : 1;    /* of a table: its own parts may hold more than their values say */
	bool is_whole : 1;    /* a string: all its bytes, not those before the first zero */
	bool is_flexible : 1; /* an array without a length, at the end of all */
	uint8_t bits, shift;  /* of a bit field: its width, and where it starts in its first byte */
	uint32_t offset; /* from the start of the structure, or of the element, that it is in */
	uint32_t size;   /* in bytes; of an array's element */
	uint32_t count;
	uint32_t span;    /* the number of its steps, including those that belong to it */
	uint32_t type;    /* in BTF */
	const char *name; /* of a member */
};

struct plan {
	uint32_t size;   /* of the whole in bytes */
	uint32_t offset; /* of a part, in what it is a part of */
	uint32_t least;  /* what bytes of it must be there: an array may end early */
	uint32_t n, capacity;
	struct step *steps;
	uint64_t *prints; /* of structures and arrays: the same for the same members */
	bool is_flexible; /* an array takes what is left */
	char *names;      /* the steps' */
};

/* Compiles a type, or the part of it at PATH (may be NULL). 0, or -errno: -ELOOP if it is too deep,
 * -EINVAL if it has no size, or a part of a size that is none, -ENOENT if it has no such part.
 */
int plan_compile(struct plan *plan, const struct btf *btf, uint32_t type, const char *path);
void plan_free(struct plan *plan);

/* A part of a type that a path names. */
struct plan_part {
	const struct step *step;  /* or where the path leads nowhere */
	const char *rest;         /* ... and what it says there */
	uint32_t offset;          /* from the start of the whole */
	bool may_lack;            /* in an array without a length: there may be no such element */
	const struct step *count; /* an integer: how many elements count; NULL: all */
	uint32_t count_offset;
};

/* Finds the part at PATH, "a.b[2].c" or "a.list[length]". False if there is no such part. */
bool plan_find(const struct plan *plan, const char *path, struct plan_part *part);

/* For codec_plan.c: leaves only the part at PATH. False if there is no such part. */
bool plan_narrow(struct plan *plan, const char *path);

/* How many bytes the step takes. */
static inline uint64_t step_bytes(const struct step *s)
{
	return s->kind == STEP_ARRAY ? (uint64_t)s->size * s->count : s->size;
}

/* Its bits, from the start of what it is in: the first, and the one after the last. */
static inline uint64_t step_first_bit(const struct step *s)
{
	return (uint64_t)s->offset * 8 + s->shift;
}

static inline uint64_t step_last_bit(const struct step *s)
{
	return step_first_bit(s) + (s->bits ? s->bits : step_bytes(s) * 8);
}

/* The steps of a structure's padding are those between its last member and its end. */
static inline const struct step *step_end(const struct step *s)
{
	return s + s->span;
}

/* For codec_plan.c: finds out what each table's values leave out. 0, or -errno. */
int plan_find_losses(struct plan *plan);

/* Adds the padding of the structure at AT, whose members were added last. 0, or -errno. */
int plan_add_padding(struct plan *plan, uint32_t at);

struct step *plan_add(struct plan *plan, enum step_kind kind, uint32_t offset, uint32_t size,
		      const char *name);

#endif
