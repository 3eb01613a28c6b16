#include "btf/codec_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The limit for nested structures. */
#define DEPTH_MAX 32

/* There is a step per type, not per element: the kernel's largest types need fewer. */
#define STEPS_MAX 65536

static int compile_type(struct plan *plan, const struct btf *btf, uint32_t type, uint32_t offset,
			const char *name, int depth);

struct step *plan_add(struct plan *plan, enum step_kind kind, uint32_t offset, uint32_t size,
		      const char *name)
{
	struct step *s;

	if (plan->n == plan->capacity) {
		uint32_t capacity = plan->capacity ? 2 * plan->capacity : 16;
		struct step *bigger = capacity > STEPS_MAX
					      ? NULL
					      : realloc(plan->steps, capacity * sizeof(*bigger));

		if (!bigger)
			return NULL;
		plan->steps = bigger;
		plan->capacity = capacity;
	}
	s = &plan->steps[plan->n++];
	*s = (struct step){.kind = kind, .offset = offset, .size = size, .span = 1, .name = name};
	return s;
}

/* The type without typedefs and qualifiers. */
static uint32_t resolve(const struct btf *btf, uint32_t type)
{
	int resolved = btf__resolve_type(btf, type);

	return resolved < 0 ? 0 : (uint32_t)resolved;
}

static bool is_char(const struct btf *btf, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(btf, resolve(btf, type));

	return t && btf_is_int(t) && t->size == 1 &&
	       strcmp(btf__name_by_offset(btf, t->name_off), "char") == 0;
}

static int add_step(struct plan *plan, enum step_kind kind, uint32_t offset, uint32_t size,
		    const char *name)
{
	return plan_add(plan, kind, offset, size, name) ? 0 : -ENOMEM;
}

static bool is_integer_size(uint32_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static int compile_int(struct plan *plan, const struct btf_type *t, uint32_t offset,
		       const char *name)
{
	enum step_kind kind = STEP_UNSIGNED;

	if (t->size == 16)
		kind = STEP_BYTES;
	else if (!is_integer_size(t->size))
		return -EINVAL;
	else if (btf_int_encoding(t) & BTF_INT_BOOL)
		kind = STEP_BOOL;
	else if (btf_int_encoding(t) & BTF_INT_SIGNED)
		kind = STEP_SIGNED;
	if (add_step(plan, kind, offset, t->size, name))
		return -ENOMEM;
	plan->steps[plan->n - 1].is_integer = kind == STEP_BYTES;
	plan->steps[plan->n - 1].is_signed =
		kind != STEP_BOOL && btf_int_encoding(t) & BTF_INT_SIGNED;
	return 0;
}

static int compile_array(struct plan *plan, const struct btf *btf, const struct btf_type *t,
			 uint32_t offset, const char *name, int depth)
{
	const struct btf_array *array = btf_array(t);
	int64_t size = btf__resolve_size(btf, array->type);
	uint32_t at = plan->n;
	int err;

	if (size < 0)
		return -EINVAL;
	if (is_char(btf, array->type))
		return add_step(plan, STEP_STRING, offset, array->nelems, name);
	err = add_step(plan, STEP_ARRAY, offset, (uint32_t)size, name);
	if (err)
		return err;
	plan->steps[at].count = array->nelems;
	err = compile_type(plan, btf, array->type, 0, NULL, depth + 1);
	plan->steps[at].span = plan->n - at;
	return err;
}

/* Makes a bit field of the step at AT, which must be an integer. */
static int set_bits(struct plan *plan, uint32_t at, uint32_t bits, uint32_t bit_offset)
{
	struct step *s = &plan->steps[at];

	if (s->is_integer && bits <= 64)
		s->kind = s->is_signed ? STEP_SIGNED : STEP_UNSIGNED;
	if (bits > 64 || (s->kind > STEP_BOOL && s->kind != STEP_ENUM))
		return -EINVAL;
	s->bits = (uint8_t)bits;
	s->shift = bit_offset % 8;
	return 0;
}

static int compile_member(struct plan *plan, const struct btf *btf, const struct btf_type *t,
			  uint32_t i, uint32_t offset, int depth)
{
	const struct btf_member *m = btf_members(t) + i;
	uint32_t bits = btf_member_bitfield_size(t, i), at = plan->n;
	uint32_t bit_offset = btf_member_bit_offset(t, i);
	uint32_t type = resolve(btf, m->type);
	const struct btf_type *mt = btf__type_by_id(btf, type);
	int err;

	/* older compilers make an integer of fewer bits the type of a bit field */
	if (!bits && btf_is_int(mt) && btf_int_bits(mt) &&
	    (btf_int_bits(mt) < 8 * mt->size || btf_int_offset(mt))) {
		bits = btf_int_bits(mt);
		bit_offset += btf_int_offset(mt);
	}
	if (!bits && bit_offset % 8)
		return -EINVAL;
	err = compile_type(plan, btf, type, offset + bit_offset / 8,
			   btf__name_by_offset(btf, m->name_off), depth);
	if (err || !bits)
		return err;
	return set_bits(plan, at, bits, bit_offset);
}

/* The members of an anonymous member belong to what it is in, as in C. Adds to *COUNT. */
static int compile_members(struct plan *plan, const struct btf *btf, const struct btf_type *t,
			   uint32_t offset, uint32_t *count, int depth)
{
	if (depth > DEPTH_MAX)
		return -ELOOP;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		const char *name = btf__name_by_offset(btf, m->name_off);
		const struct btf_type *mt = btf__type_by_id(btf, resolve(btf, m->type));
		int err;

		if (!mt || !name)
			return -EINVAL;
		if (*name) {
			err = compile_member(plan, btf, t, i, offset, depth + 1);
			++*count;
		} else if (btf_is_composite(mt)) {
			err = compile_members(plan, btf, mt,
					      offset + btf_member_bit_offset(t, i) / 8, count,
					      depth + 1);
		} else {
			continue; /* padding */
		}
		if (err)
			return err;
	}
	return 0;
}

/* Compilers before clang 15 do not say whether an enum is signed. Do those of this BTF? */
static bool says_signs(const struct btf *btf)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_kind(t) == BTF_KIND_ENUM64 || (btf_is_enum(t) && btf_kflag(t)))
			return true;
	}
	return false;
}

/* If nobody says, small negative values are taken as such, unless there are others, which look
 * like flags.
 */
static void find_sign(struct step *s, const struct btf *btf, const struct btf_type *t)
{
	bool small = false, large = false;

	s->is_signed = btf_kflag(t);
	if (s->is_signed || btf_kind(t) == BTF_KIND_ENUM64)
		return;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		small |= btf_enum(t)[i].val < 0 && btf_enum(t)[i].val >= -65536;
		large |= btf_enum(t)[i].val < -65536;
	}
	if (!(small || large) || says_signs(btf))
		return;
	s->is_signed = small && !large;
	s->any_sign = true;
}

static int compile_enum(struct plan *plan, const struct btf *btf, const struct btf_type *t,
			uint32_t offset, const char *name)
{
	struct step *s;

	if (!is_integer_size(t->size))
		return -EINVAL;
	s = plan_add(plan, STEP_ENUM, offset, t->size, name);
	if (!s)
		return -ENOMEM;
	find_sign(s, btf, t);
	return 0;
}

static int compile_struct(struct plan *plan, const struct btf *btf, const struct btf_type *t,
			  uint32_t offset, const char *name, int depth)
{
	uint32_t at = plan->n, count = 0;
	int err = add_step(plan, STEP_STRUCT, offset, t->size, name);

	if (err)
		return err;
	err = compile_members(plan, btf, t, 0, &count, depth);
	if (err)
		return err;
	plan->steps[at].count = count;
	err = plan_add_padding(plan, at);
	plan->steps[at].span = plan->n - at;
	return err;
}

static uint32_t size_of_pointers(const struct btf *btf)
{
	size_t size = btf__pointer_size(btf);

	return size ? (uint32_t)size : 8; /* as BPF's */
}

static int compile_kind(struct plan *plan, const struct btf *btf, const struct btf_type *t,
			uint32_t offset, const char *name, int depth)
{
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		return compile_int(plan, t, offset, name);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return compile_enum(plan, btf, t, offset, name);
	case BTF_KIND_FLOAT:
		return add_step(plan, t->size == 4 || t->size == 8 ? STEP_FLOAT : STEP_BYTES,
				offset, t->size, name);
	case BTF_KIND_PTR:
		return add_step(plan, STEP_UNSIGNED, offset, size_of_pointers(btf), name);
	case BTF_KIND_ARRAY:
		return compile_array(plan, btf, t, offset, name, depth);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return compile_struct(plan, btf, t, offset, name, depth);
	default:
		return -EINVAL;
	}
}

static int compile_type(struct plan *plan, const struct btf *btf, uint32_t type, uint32_t offset,
			const char *name, int depth)
{
	uint32_t at = plan->n, resolved = resolve(btf, type);
	const struct btf_type *t = btf__type_by_id(btf, resolved);
	int err;

	if (!t)
		return -EINVAL;
	if (depth > DEPTH_MAX)
		return -ELOOP;
	err = compile_kind(plan, btf, t, offset, name, depth);
	if (!err)
		plan->steps[at].type = resolved;
	return err;
}

/* BTF is not trusted: is the step inside of the enclosing type? */
static bool step_fits(const struct step *s, uint64_t limit)
{
	if (step_last_bit(s) > limit * 8)
		return false;
	if (s->kind == STEP_ARRAY)
		return s->count == 0 || step_fits(s + 1, s->size);
	for (const struct step *m = s + 1; m < step_end(s); m += m->span)
		if (!step_fits(m, s->size))
			return false;
	return true;
}

/* Copies the names, because BTF may be freed or changed. */
static int own_names(struct plan *plan)
{
	size_t size = 1;
	char *at;

	for (uint32_t i = 0; i < plan->n; i++)
		if (plan->steps[i].name)
			size += strlen(plan->steps[i].name) + 1;
	at = plan->names = malloc(size);
	if (!at)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->n; i++)
		if (plan->steps[i].name) {
			char *name = at;

			at = stpcpy(at, plan->steps[i].name) + 1;
			plan->steps[i].name = name;
		}
	return 0;
}

int plan_compile(struct plan *plan, const struct btf *btf, uint32_t type, const char *path)
{
	int64_t size = btf__resolve_size(btf, type);
	int err;

	*plan = (struct plan){0};
	if (size < 0)
		return -EINVAL;
	plan->size = (uint32_t)size;
	err = compile_type(plan, btf, type, 0, NULL, 0);
	if (!err && !step_fits(plan->steps, plan->size))
		err = -EINVAL;
	if (!err && !plan_narrow(plan, path))
		err = -ENOENT;
	if (!err)
		err = plan_find_losses(plan);
	if (!err)
		err = own_names(plan);
	if (err)
		plan_free(plan);
	return err;
}

void plan_free(struct plan *plan)
{
	free(plan->steps);
	free(plan->prints);
	free(plan->names);
	*plan = (struct plan){0};
}
