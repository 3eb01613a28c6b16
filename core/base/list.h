/* Lists in option tables, read into C arrays. */
#ifndef LBPF_BASE_LIST_H
#define LBPF_BASE_LIST_H

#include "base/compat.h"
#include <stdint.h>

/* Reads the option NAME of the table at ARG as an array of *N elements, or returns NULL if it is
 * not given. The array is valid while the values left on the stack are. *N is 0 until a list sets
 * it; lists read with the same *N must have the same length. Errors name the option.
 */
uint32_t *list_u32(lua_State *L, int arg, const char *name, size_t *n);
uint64_t *list_u64(lua_State *L, int arg, const char *name, size_t *n);
const char **list_strings(lua_State *L, int arg, const char *name, size_t *n);
int *list_fds(lua_State *L, int arg, const char *name, size_t *n);

#endif
