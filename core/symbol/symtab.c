#include "symbol/symtab.h"

#include <stdlib.h>
#include <string.h>

/* A symbol may contain smaller ones. So many symbols before the address are searched for one that
 * covers it.
 */
#define NESTED 16

/* Makes space in *ARRAY for one more element of SIZE bytes. */
static bool reserve_symbols(void **array, size_t *capacity, size_t wanted, size_t size)
{
	size_t bigger = *capacity ? *capacity : 256;
	void *moved;

	if (wanted <= *capacity)
		return true;
	while (bigger < wanted)
		bigger *= 2;
	moved = realloc(*array, bigger * size);
	if (!moved)
		return false;
	*array = moved;
	*capacity = bigger;
	return true;
}

/* Returns the offset of a copy of TEXT; 0 if there is no memory. */
static uint32_t add_string(struct symtab *t, const char *text)
{
	size_t size = strlen(text) + 1, at = t->strings_size ? t->strings_size : 1;

	if (at + size > UINT32_MAX ||
	    !reserve_symbols((void **)&t->strings, &t->strings_capacity, at + size, 1))
		return 0;
	memcpy(t->strings + at, text, size);
	t->strings_size = at + size;
	return (uint32_t)at;
}

/* The symbols of a module are adjacent, so its name is stored once. */
static uint32_t add_module(struct symtab *t, const char *module)
{
	uint32_t last = t->cnt ? t->symbols[t->cnt - 1].module : 0;

	if (last && strcmp(t->strings + last, module) == 0)
		return last;
	return add_string(t, module);
}

bool symtab_add(struct symtab *t, struct symbol symbol, const char *name, const char *module)
{
	symbol.name = add_string(t, name);
	symbol.module = module ? add_module(t, module) : 0;
	if (!symbol.name || (module && !symbol.module) ||
	    !reserve_symbols((void **)&t->symbols, &t->capacity, t->cnt + 1, sizeof(symbol)))
		return false;
	t->symbols[t->cnt++] = symbol;
	return true;
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->name < y->name ? -1
				 : x->name > y->name; /* in the order in which they were added */
}

/* Most of the kernel's symbols come in order: this returns where those begin that do not. */
static size_t ordered(const struct symtab *t)
{
	size_t n = t->cnt ? 1 : 0;
	uint64_t lowest = UINT64_MAX;

	while (n < t->cnt && by_address(&t->symbols[n - 1], &t->symbols[n]) <= 0)
		n++;
	for (size_t i = n; i < t->cnt; i++)
		if (t->symbols[i].addr < lowest)
			lowest = t->symbols[i].addr;
	while (n && t->symbols[n - 1].addr >= lowest)
		n--;
	return n;
}

void symtab_sort(struct symtab *t)
{
	size_t kept = 0, from = ordered(t);

	if (from < t->cnt)
		qsort(t->symbols + from, t->cnt - from, sizeof(*t->symbols), by_address);
	for (size_t i = 0; i < t->cnt; i++) {
		struct symbol s = t->symbols[i];

		if (kept && s.addr == t->symbols[kept - 1].addr)
			continue;
		t->symbols[i] = t->symbols[kept]; /* another name of an address before */
		t->symbols[kept++] = s;
	}
	t->all = t->cnt;
	t->cnt = kept;
}

static bool covers(const struct symtab *t, size_t i, uint64_t addr)
{
	const struct symbol *s = &t->symbols[i];

	if (s->size)
		return addr - s->addr < s->size;
	return i + 1 < t->cnt && addr < t->symbols[i + 1].addr;
}

const struct symbol *symtab_find(const struct symtab *t, uint64_t addr)
{
	size_t low = 0, high = t->cnt;

	while (low < high) { /* finds the first symbol after ADDR */
		size_t middle = low + (high - low) / 2;

		if (t->symbols[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t back = 0; back < NESTED && back < low; back++)
		if (covers(t, low - 1 - back, addr))
			return &t->symbols[low - 1 - back];
	return NULL;
}

const char *symtab_name(const struct symtab *t, const struct symbol *s)
{
	return t->strings + s->name;
}

const char *symtab_module(const struct symtab *t, const struct symbol *s)
{
	return s->module ? t->strings + s->module : NULL;
}

void symtab_free(struct symtab *t)
{
	free(t->symbols);
	free(t->strings);
	*t = (struct symtab){0};
}
