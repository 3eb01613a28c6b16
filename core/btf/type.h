/* A type in BTF as a table. */
#ifndef LBPF_BTF_TYPE_H
#define LBPF_BTF_TYPE_H

#include "base/compat.h"
#include <bpf/btf.h>

struct enumeration;

extern const struct enumeration enum_btf_kind;

/* Pushes the table of type ID, see btf:type_by_id; or nothing if there is no such type. Returns the
 * number of values pushed.
 */
int btftype_push(lua_State *L, const struct btf *btf, __u32 id);

#endif
