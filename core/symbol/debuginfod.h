/* Debug files from debuginfod servers, by elfutils' library, loaded when it is first needed. */
#ifndef LBPF_SYMBOL_DEBUGINFOD_H
#define LBPF_SYMBOL_DEBUGINFOD_H

#include <stddef.h>

/* Whether servers can be asked: 0; EOPNOTSUPP without the library; EDESTADDRREQ if the environment
 * variable DEBUGINFOD_URLS names none.
 */
int debuginfod_check(void);

/* Asks for the debug file of what has that build id. Returns its path in the library's cache, which
 * is looked at first: free() it. NULL if there is none.
 */
char *debuginfod_find(const unsigned char *build_id, size_t size);

#endif
