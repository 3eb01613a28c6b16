/* The methods of BTF: lookups, sizes, bytes. */
#ifndef LBPF_BTFQUERY_H
#define LBPF_BTFQUERY_H

#include "compat.h"

extern const luaL_Reg btfquery_methods[];

#endif
