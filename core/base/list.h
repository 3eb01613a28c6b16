/* Lists in option tables: from a Lua list to a C array. */
#ifndef LBPF_BASE_LIST_H
#define LBPF_BASE_LIST_H

#include "base/compat.h"
#include <stdint.h>

/* The option NAME of the table at ARG as an array of *N members, which lives as long as what is
 * left on the stack; NULL if it is not given. *N is 0 until a list sets it; lists that are read
 * with the same *N must be of one length. Raises what is wrong, and names the option.
 */
uint64_t *list_u64(lua_State *L, int arg, const char *name, size_t *n);
const char **list_strings(lua_State *L, int arg, const char *name, size_t *n);
int *list_fds(lua_State *L, int arg, const char *name, size_t *n);

#endif
