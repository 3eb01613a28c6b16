/* Changing BTF as a whole: copies of types, deduplication, another base. */
#ifndef LBPF_BTF_CHANGE_H
#define LBPF_BTF_CHANGE_H

#include "base/compat.h"

void btfchange_open(lua_State *L);

#endif
