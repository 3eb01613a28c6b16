/* Parts of a type by their paths: "file.name", "stack[1]", "data[length]". */
#include "btf/codec_plan.h"

#include <stdlib.h>
#include <string.h>

/* Beyond the largest type; so far may elements of an array lie that has no length. */
#define OFFSET_MAX UINT32_C(0x10000000)

/* The structure that a path is in. */
struct enclosing {
	const struct step *s; /* NULL: none yet */
	uint32_t offset;
};

static const struct step *find_member(const struct step *s, const char *name, size_t len)
{
	const struct step *m = s + 1;

	for (uint32_t i = 0; i < s->count; i++, m += m->span)
		if (strncmp(m->name, name, len) == 0 && m->name[len] == '\0')
			return m;
	return NULL;
}

/* The path goes on with "[2]", counted from 1 as in the decoded table. */
static const char *enter_element(struct plan_part *part, const char *path)
{
	const struct step *s = part->step;
	char *end;
	unsigned long i = strtoul(path + 1, &end, 10);

	if (s->kind != STEP_ARRAY || *end != ']' || i < 1 || (i > s->count && !s->is_flexible))
		return NULL;
	if (s->size && i > (OFFSET_MAX - part->offset) / s->size)
		return NULL;
	part->offset += (uint32_t)(i - 1) * s->size;
	part->may_lack |= s->is_flexible;
	part->step = s + 1;
	return end + 1;
}

/* The path ends with "[length]": a member beside the array says how many elements count. */
static const char *enter_count(struct plan_part *part, const struct enclosing *in, const char *path)
{
	const struct step *s = part->step;
	size_t len = strcspn(path + 1, "]");
	const struct step *m = in->s ? find_member(in->s, path + 1, len) : NULL;
	bool is_array = s->kind == STEP_ARRAY || s->kind == STEP_STRING;

	if (!m || !is_array || strcmp(path + 1 + len, "]") != 0 ||
	    (m->kind > STEP_SIGNED && m->kind != STEP_ENUM))
		return NULL;
	part->count = m;
	part->count_offset = in->offset + m->offset;
	return path + len + 2;
}

static const char *enter_member(struct plan_part *part, struct enclosing *in, const char *path)
{
	const struct step *s = part->step;
	size_t len = strcspn(path, ".[");

	if (s->kind != STEP_STRUCT)
		return NULL;
	*in = (struct enclosing){s, part->offset};
	s = find_member(s, path, len);
	if (!s)
		return NULL;
	part->offset += s->offset;
	part->step = s;
	return path + len;
}

bool plan_find(const struct plan *plan, const char *path, struct plan_part *part)
{
	struct enclosing in = {NULL, 0};

	*part = (struct plan_part){.step = plan->steps, .offset = plan->steps->offset};
	while (*path) {
		const char *at = path + (*path == '.');

		part->rest = at;
		if (*at != '[')
			path = enter_member(part, &in, at);
		else if (at[1] >= '0' && at[1] <= '9')
			path = enter_element(part, at);
		else
			path = enter_count(part, &in, at);
		if (!path)
			return false;
	}
	return true;
}

bool plan_narrow(struct plan *plan, const char *path)
{
	struct plan_part part;

	if (!path || !*path)
		return true;
	if (!plan_find(plan, path, &part) || part.count)
		return false;
	plan->offset = part.offset;
	plan->n = part.step->span;
	memmove(plan->steps, part.step, plan->n * sizeof(*plan->steps));
	plan->steps->offset = 0;
	plan->size = (uint32_t)((step_last_bit(plan->steps) + 7) / 8);
	return true;
}
