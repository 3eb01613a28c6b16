/* The functions of the running kernel and its modules, BPF programs among them. */
#ifndef LBPF_SYMBOL_KALLSYMS_H
#define LBPF_SYMBOL_KALLSYMS_H

#include "symbol/symtab.h"

/* Reads a file like /proc/kallsyms into an empty table. Returns 0 or an error number: EPERM if the
 * kernel hides addresses from this process.
 */
int kallsyms_read(const char *path, struct symtab *t);

#endif
