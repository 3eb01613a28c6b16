/* Kernel functions by pattern, for versions of libbpf that do not resolve patterns correctly. */
#ifndef LBPF_CHECK_KSYMS_H
#define LBPF_CHECK_KSYMS_H

#include <stddef.h>
#include <stdio.h>

/* Does NAME match PATTERN? * matches any string, ? any character. */
int ksyms_matches(const char *name, const char *pattern);

/* The addresses of all functions that match and that fprobe can trace, found as by libbpf 1.3 and
 * newer: those in tracefs' available_filter_functions_addrs, else in available_filter_functions
 * with their addresses from kallsyms. Returns 0, and memory in *ADDRS that the caller frees;
 * -ENOENT if none matches; or -errno.
 */
int ksyms_resolve(const char *pattern, unsigned long **addrs, size_t *cnt);

/* The same of these two files; KALLSYMS is NULL if TRACEABLE has addresses. */
int ksyms_select(FILE *traceable, FILE *kallsyms, const char *pattern, unsigned long **addrs,
		 size_t *cnt);

#endif
