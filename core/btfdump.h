/* Types written in C, and values of types. */
#ifndef LBPF_BTFDUMP_H
#define LBPF_BTFDUMP_H

#include "compat.h"

void btfdump_open(lua_State *L);

#endif
