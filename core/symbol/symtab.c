#include "symbol/symtab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A symbol may contain smaller ones. So many symbols before the address are searched for one that
 * covers it.
 */
#define NESTED 16

#define HUGE_PAGE ((size_t)2 << 20)

static bool is_huge(size_t size)
{
	return size > HUGE_PAGE / 2;
}

/* Memory for so many bytes, in huge pages if the kernel has them: the first access to each page
 * takes microseconds in some virtual machines, half of the time of reading the kernel's symbols.
 */
static void *new_block(size_t size)
{
	void *block;

	if (!is_huge(size))
		return malloc(size);
	size = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	block = aligned_alloc(HUGE_PAGE, size);
	if (block)
		madvise(block, size, MADV_HUGEPAGE);
	return block;
}

/* The same as realloc(). */
static void *resize(void *old, size_t size, size_t bigger)
{
	void *block;

	if (!is_huge(bigger))
		return realloc(old, bigger);
	block = new_block(bigger);
	if (block && old) {
		memcpy(block, old, size);
		free(old);
	}
	return block;
}

/* Makes space in *ARRAY for so many elements of SIZE bytes. */
static bool make_space(void **array, size_t *capacity, size_t wanted, size_t size)
{
	size_t bytes = *capacity ? *capacity * size : 4096;
	void *moved;

	if (wanted <= *capacity)
		return true;
	while (bytes < wanted * size)
		bytes *= 2;
	moved = resize(*array, *capacity * size, bytes);
	if (!moved)
		return false;
	*array = moved;
	*capacity = bytes / size;
	return true;
}

bool symtab_expect(struct symtab *t, size_t symbols, size_t strings)
{
	return make_space((void **)&t->symbols, &t->capacity, t->cnt + symbols,
			  sizeof(*t->symbols)) &&
	       make_space((void **)&t->strings, &t->strings_capacity, t->strings_size + strings, 1);
}

char *symtab_reserve(struct symtab *t, size_t size, uint32_t *at)
{
	size_t first = t->strings_size ? t->strings_size : 1; /* 0 means none */

	if (size > UINT32_MAX - first ||
	    !make_space((void **)&t->strings, &t->strings_capacity, first + size, 1))
		return NULL;
	t->strings_size = first + size;
	*at = (uint32_t)first;
	return t->strings + first;
}

uint32_t symtab_string(struct symtab *t, const char *text, size_t size)
{
	uint32_t at;
	char *copy = symtab_reserve(t, size + 1, &at);

	if (!copy)
		return 0;
	memcpy(copy, text, size);
	copy[size] = '\0';
	return at;
}

bool symtab_add(struct symtab *t, struct symbol symbol)
{
	if (!make_space((void **)&t->symbols, &t->capacity, t->cnt + 1, sizeof(symbol)))
		return false;
	t->symbols[t->cnt++] = symbol;
	return true;
}

#define DIGIT_BITS 11
#define DIGITS     (1 << DIGIT_BITS)

static unsigned digit_of(const struct symbol *s, unsigned shift)
{
	return s->addr >> shift & (DIGITS - 1);
}

/* Copies the symbols to TO, in the order of a digit of their addresses; those with the same digit
 * keep theirs.
 */
static void order_by_digit(const struct symbol *from, struct symbol *to, size_t n, unsigned shift)
{
	size_t starts[DIGITS] = {0}, start = 0;

	for (size_t i = 0; i < n; i++)
		starts[digit_of(&from[i], shift)]++;
	for (size_t d = 0; d < DIGITS; d++) {
		size_t cnt = starts[d];

		starts[d] = start;
		start += cnt;
	}
	for (size_t i = 0; i < n; i++)
		to[starts[digit_of(&from[i], shift)]++] = from[i];
}

/* Sorts by address, in as many passes as addresses have digits that differ: three for most files.
 * SPACE is for as many symbols. Returns where the sorted ones are.
 */
static struct symbol *order(struct symbol *symbols, struct symbol *space, size_t n)
{
	uint64_t differ = 0;

	for (size_t i = 1; i < n; i++)
		differ |= symbols[i].addr ^ symbols[0].addr;
	for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
		struct symbol *from = symbols;

		if (!(differ >> shift & (DIGITS - 1)))
			continue;
		order_by_digit(from, space, n, shift);
		symbols = space;
		space = from;
	}
	return symbols;
}

/* Sorts by address. The kernel's own functions are in order already: those of modules and of BPF,
 * which follow, are sorted and put between them.
 */
static bool order_rest(struct symtab *t)
{
	size_t first = 1, rest, to = t->cnt;
	struct symbol *space, *sorted;

	while (first < t->cnt && t->symbols[first - 1].addr <= t->symbols[first].addr)
		first++;
	if (first >= t->cnt)
		return true;
	rest = t->cnt - first;
	space = new_block(rest * sizeof(*space));
	if (!space)
		return false;
	sorted = order(t->symbols + first, space, rest);
	if (sorted != space)
		memcpy(space, sorted, rest * sizeof(*space));
	while (rest) { /* from the end, where there is space */
		if (first && t->symbols[first - 1].addr > space[rest - 1].addr)
			t->symbols[--to] = t->symbols[--first];
		else
			t->symbols[--to] = space[--rest];
	}
	free(space);
	return true;
}

bool symtab_sort(struct symtab *t)
{
	size_t kept = 0;

	if (!order_rest(t))
		return false;
	for (size_t i = 0; i < t->cnt; i++) {
		struct symbol s = t->symbols[i], *last = kept ? &t->symbols[kept - 1] : NULL;

		if (!last || s.addr != last->addr) {
			t->symbols[i] = t->symbols[kept]; /* another name of an address before */
			t->symbols[kept++] = s;
		} else if (s.rank < last->rank) {
			t->symbols[i] = *last;
			*last = s;
		}
	}
	t->all = t->cnt;
	t->cnt = kept;
	return true;
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
