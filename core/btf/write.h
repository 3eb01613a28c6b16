/* Adding types to BTF: write.c has types, write_decl.c functions, variables and tags. Here is what
 * they share: arguments of methods of BTF, and results.
 */
#ifndef LBPF_BTF_WRITE_H
#define LBPF_BTF_WRITE_H

#include "base/compat.h"
#include <bpf/btf.h>

/* How many parts a type can have. The count of libbpf before 1.7 overflows to 0. */
#define WRITE_VLEN_MAX 0xffff

const char *write_check_name(lua_State *L, int arg);

/* NULL for what has no name. */
const char *write_opt_name(lua_State *L, int arg);

int write_check_type(lua_State *L, int arg);
__u32 write_check_u32(lua_State *L, int arg);

/* BTF whose last type is of KIND or OTHER (WHAT, in messages) and may have another part. */
struct btf *write_check_last(lua_State *L, const char *operation, unsigned kind, unsigned other,
			     const char *what);

/* Push the id, or the BTF itself; or nil, message, errno if libbpf returned an error. */
int write_push_added(lua_State *L, const char *operation, int id);
int write_push_self(lua_State *L, const char *operation, int ret);

void btfwrite_open(lua_State *L);
void btfwrite_decl_open(lua_State *L);

#endif
