/* Types written in C, and values of types. */
#ifndef LBPF_BTF_DUMP_H
#define LBPF_BTF_DUMP_H

#include "base/compat.h"

void btfdump_open(lua_State *L);

#endif
