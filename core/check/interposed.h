/* Functions of libbpf that the host program has replaced by its own. */
#ifndef LBPF_CHECK_INTERPOSED_H
#define LBPF_CHECK_INTERPOSED_H

#include <stdio.h>

#include "base/compat.h"

/* Raises if a name that libbpf exports means another library's or program's function. */
void interposed_open(lua_State *L);

/* The C library's stderr, for a libbpf that is linked into the module. */
extern FILE *libbpf_stderr;

#endif
