/* What the values of a type do not say: padding, members that share bits, bytes behind a string's
 * zero. Tables of such types keep the bytes that they were read from, see codec_origin.c.
 */
#include "btf/codec_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct range {
	uint64_t first, end; /* in bits */
};

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Adds padding from bit FIRST to END, as steps of whole bytes, and of bits of one. */
static int add_gap(struct plan *plan, uint64_t first, uint64_t end)
{
	while (first < end) {
		uint64_t bits = end - first, in_byte = first % 8;
		struct step *s = plan_add(plan, STEP_PADDING, (uint32_t)(first / 8), 1, NULL);

		if (!s)
			return -ENOMEM;
		if (in_byte || bits < 8) {
			if (bits > 8 - in_byte)
				bits = 8 - in_byte;
			s->shift = (uint8_t)in_byte;
			s->bits = (uint8_t)bits;
		} else {
			s->size = (uint32_t)(bits / 8);
			bits = (uint64_t)s->size * 8;
		}
		first += bits;
	}
	return 0;
}

/* Goes through the members' bits in their order. */
static int add_gaps(struct plan *plan, uint32_t at, const struct range *ranges, uint32_t n)
{
	uint64_t reached = 0, size = (uint64_t)plan->steps[at].size * 8;
	int err = 0;

	for (uint32_t i = 0; i < n && !err; i++) {
		if (ranges[i].first < reached)
			plan->steps[at].is_union = true;
		else
			err = add_gap(plan, reached, ranges[i].first);
		if (ranges[i].end > reached)
			reached = ranges[i].end;
	}
	return err ? err : add_gap(plan, reached, size);
}

int plan_add_padding(struct plan *plan, uint32_t at)
{
	uint32_t count = plan->steps[at].count, n = 0;
	struct range *ranges = malloc((count + 1) * sizeof(*ranges));
	int err;

	if (!ranges)
		return -ENOMEM;
	for (uint32_t i = 0, m = at + 1; i < count; i++, m += plan->steps[m].span) {
		const struct step *s = &plan->steps[m];

		if (step_last_bit(s) > (uint64_t)plan->steps[at].size * 8) {
			free(ranges);
			return -EINVAL;
		}
		if (step_last_bit(s) > step_first_bit(s))
			ranges[n++] = (struct range){step_first_bit(s), step_last_bit(s)};
	}
	qsort(ranges, n, sizeof(*ranges), compare_ranges);
	err = add_gaps(plan, at, ranges, n);
	free(ranges);
	return err;
}

static bool is_lossy_part(const struct step *s)
{
	switch (s->kind) {
	case STEP_BOOL:
	case STEP_FLOAT:
	case STEP_STRING:
	case STEP_PADDING:
		return true;
	default:
		return s->is_flexible;
	}
}

static uint64_t mix(uint64_t print, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++) /* FNV-1a */
		print = (print ^ bytes[i]) * 0x100000001b3;
	return print;
}

static uint64_t step_print(const struct step *s)
{
	uint64_t print = 0xcbf29ce484222325;

	for (const struct step *m = s; m < step_end(s); m++) {
		/* where the whole lies says nothing about it */
		const uint32_t numbers[] = {
			m->kind, m->is_signed, m->bits, m->shift, m == s ? 0 : m->offset,
			m->size, m->count,     m->span};

		print = mix(print, numbers, sizeof(numbers));
		if (m->name && m != s)
			print = mix(print, m->name, strlen(m->name) + 1);
	}
	return print;
}

/* Where the members of the structure end. */
static uint64_t last_bit(const struct step *s)
{
	const struct step *m = s + 1;
	uint64_t end = 0;

	for (uint32_t i = 0; i < s->count; i++, m += m->span)
		if (step_last_bit(m) > end)
			end = step_last_bit(m);
	return end;
}

/* The last members without a length take what there is: no padding comes after their beginning. */
static void find_flexible(struct plan *plan)
{
	struct step *s = plan->steps, *m = s + 1, *last = NULL;
	uint64_t end = s->kind == STEP_STRUCT ? last_bit(s) : 0;

	for (uint32_t i = 0; s->kind == STEP_STRUCT && i < s->count; i++, m += m->span) {
		bool is_array = m->kind == STEP_STRING || (m->kind == STEP_ARRAY && m->size);

		if (!is_array || step_bytes(m) || step_first_bit(m) < end)
			continue;
		s->is_union |= last != NULL;
		m->is_flexible = m->is_whole = plan->is_flexible = true;
		last = m;
	}
	for (; last && m < step_end(s); m++) {
		if (m->offset >= last->offset)
			m->size = m->bits = 0;
		else if (!m->bits && m->offset + m->size > last->offset)
			m->size = last->offset - m->offset;
	}
}

/* An array at the end may end early. */
static uint32_t find_least(const struct plan *plan)
{
	const struct step *s = plan->steps, *m = s + 1, *last = NULL;
	uint64_t least = 0;

	if (s->kind != STEP_STRUCT)
		return plan->size;
	for (uint32_t i = 0; i < s->count; i++, m += m->span)
		if (!last || step_first_bit(m) >= step_first_bit(last))
			last = m;
	m = s + 1;
	for (uint32_t i = 0; i < s->count; i++, m += m->span) {
		bool is_array = m->kind == STEP_STRING || m->kind == STEP_ARRAY;
		bool may_end = is_array && step_first_bit(m) == step_first_bit(last);
		uint64_t end = may_end ? m->offset : (step_last_bit(m) + 7) / 8;

		if (end > least)
			least = end;
	}
	return (uint32_t)least;
}

int plan_find_losses(struct plan *plan)
{
	find_flexible(plan);
	plan->least = find_least(plan);
	plan->prints = calloc(plan->n, sizeof(*plan->prints));
	if (!plan->prints)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->n; i++) {
		struct step *s = &plan->steps[i];

		if (s->kind != STEP_STRUCT && s->kind != STEP_ARRAY)
			continue;
		s->is_lossy = s->is_union || (i == 0 && plan->is_flexible);
		for (const struct step *m = s + 1; m < step_end(s); m += m->span)
			s->is_lossy |= is_lossy_part(m);
		plan->prints[i] = step_print(s);
	}
	return 0;
}
