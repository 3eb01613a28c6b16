/* The functions of an ELF file: a program, a library, or a debug file. */
#ifndef LBPF_SYMBOL_ELFSYMS_H
#define LBPF_SYMBOL_ELFSYMS_H

#include "symbol/elffile.h"
#include "symbol/symtab.h"

/* Reads the functions into an empty table, with their offsets in the file. They are in .symtab; a
 * stripped file has them in .dynsym, and in the debug file that its build id or .gnu_debuglink
 * names, or if ASKS that debuginfod servers have. Returns 0 or an error number: ENOEXEC if it is
 * not an ELF file.
 */
int elfsyms_read(const char *path, bool asks, struct symtab *t, struct elffile_id *id);

#endif
