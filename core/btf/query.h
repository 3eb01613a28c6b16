/* The methods of BTF: lookups, sizes, bytes. */
#ifndef LBPF_BTF_QUERY_H
#define LBPF_BTF_QUERY_H

#include "base/compat.h"

void btfquery_open(lua_State *L);

#endif
