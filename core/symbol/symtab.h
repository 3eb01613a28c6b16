/* A table of symbols, in which an address is looked up. */
#ifndef LBPF_SYMBOL_SYMTAB_H
#define LBPF_SYMBOL_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
	uint64_t addr;
	uint32_t size;   /* 0: up to the next symbol */
	uint32_t name;   /* offset in the table's strings */
	uint32_t module; /* the same; 0: none */
	uint32_t rank;   /* the lowest is found, if several have the same address */
};

/* A zeroed structure is an empty table. */
struct symtab {
	struct symbol *symbols; /* once sorted, those with an address of their own are first */
	size_t cnt, capacity;
	size_t all; /* once sorted: with those whose address has a better name */
	char *strings;
	size_t strings_size, strings_capacity;
};

/* Makes space for so many more symbols and bytes of strings; there may be more, too. False if there
 * is no memory.
 */
bool symtab_expect(struct symtab *t, size_t symbols, size_t strings);

/* Returns space for SIZE bytes of strings, which begins at offset *AT; NULL if there is no memory.
 */
char *symtab_reserve(struct symtab *t, size_t size, uint32_t *at);

/* Returns the offset of a copy of SIZE bytes, as a string; 0 if there is no memory. */
uint32_t symtab_string(struct symtab *t, const char *text, size_t size);

/* Adds a symbol, whose strings are in the table. False if there is no memory. */
bool symtab_add(struct symtab *t, struct symbol symbol);

/* Call this after the last symtab_add() and before the first symtab_find(). False if there is no
 * memory.
 */
bool symtab_sort(struct symtab *t);

/* The symbol that covers ADDR; NULL if there is none. */
const struct symbol *symtab_find(const struct symtab *t, uint64_t addr);

const char *symtab_name(const struct symtab *t, const struct symbol *s);

/* NULL if it is in no module. */
const char *symtab_module(const struct symtab *t, const struct symbol *s);

void symtab_free(struct symtab *t);

#endif
