/* Kernel functions by pattern, for a libbpf that cannot yet find them as it should. */
#ifndef LBPF_CHECK_KSYMS_H
#define LBPF_CHECK_KSYMS_H

#include <stddef.h>

/* Does NAME match PATTERN, in which * stands for any string and ? for any character? */
int ksyms_matches(const char *name, const char *pattern);

/* The addresses of all functions that match and that fprobe can trace, as libbpf 1.3 and newer
 * find them: those in tracefs' available_filter_functions, with their address of kallsyms. 0,
 * with memory in *ADDRS to be freed; -ENOENT if none matches, or -errno.
 */
int ksyms_resolve(const char *pattern, unsigned long **addrs, size_t *cnt);

#endif
