/* A table of symbols, in which an address is looked up. */
#ifndef LBPF_SYMBOL_SYMTAB_H
#define LBPF_SYMBOL_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
	uint64_t addr;
	uint64_t size;   /* 0: up to the next symbol */
	uint32_t name;   /* offset in the table's strings */
	uint32_t module; /* the same; 0: none */
	unsigned rank;   /* of symbols with one address the lowest is shown */
};

/* All zero: an empty table. */
struct symtab {
	struct symbol *symbols;
	size_t cnt, room;
	char *strings;
	size_t strings_size, strings_room;
};

/* Adds a symbol; module may be NULL. False without memory. */
bool symtab_add(struct symtab *t, struct symbol symbol, const char *name, const char *module);

/* To be called between the last symtab_add() and the first symtab_find(). */
void symtab_sort(struct symtab *t);

/* The symbol that covers ADDR; NULL if there is none. */
const struct symbol *symtab_find(const struct symtab *t, uint64_t addr);

const char *symtab_name(const struct symtab *t, const struct symbol *s);

/* NULL: it is in none. */
const char *symtab_module(const struct symtab *t, const struct symbol *s);

void symtab_free(struct symtab *t);

#endif
