/* The functions of an ELF file: a program, a library, or a debug file. */
#ifndef LBPF_SYMBOL_ELFSYMS_H
#define LBPF_SYMBOL_ELFSYMS_H

#include "symbol/symtab.h"

#define ELFSYMS_BUILD_ID_MAX 64

struct elfsyms_id {
	unsigned char bytes[ELFSYMS_BUILD_ID_MAX];
	size_t size; /* 0: the file has none */
};

/* Reads the functions into an empty table, with their offsets in the file. They are in .symtab; a
 * stripped file has them in .dynsym, and in the debug file that its build id or .gnu_debuglink
 * names. Returns 0 or an error number: ENOEXEC if it is not an ELF file.
 */
int elfsyms_read(const char *path, struct symtab *t, struct elfsyms_id *id);

#endif
