/* How an object gets into the kernel: at once, in two steps, or by a program made of it. */
#ifndef LBPF_OBJECT_LOAD_H
#define LBPF_OBJECT_LOAD_H

#include "base/compat.h"

void load_open(lua_State *L);

#endif
