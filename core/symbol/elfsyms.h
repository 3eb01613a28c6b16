/* The functions of an ELF file: a program, a library, or what was stripped from one. */
#ifndef LBPF_SYMBOL_ELFSYMS_H
#define LBPF_SYMBOL_ELFSYMS_H

#include "symbol/symtab.h"

#define ELFSYMS_BUILD_ID_MAX 64

struct elfsyms_id {
	unsigned char bytes[ELFSYMS_BUILD_ID_MAX];
	size_t size; /* 0: the file has none */
};

/* Reads the functions into an empty table, each at its offset in the file. They are in .symtab; or,
 * of a stripped file, in .dynsym and in the debug file that its build id or .gnu_debuglink names.
 * 0, or an error number: ENOEXEC for what is no ELF file.
 */
int elfsyms_read(const char *path, struct symtab *t, struct elfsyms_id *id);

#endif
