/* Loading an object into the kernel: in one step, in two, or by a loader program. */
#ifndef LBPF_OBJECT_LOAD_H
#define LBPF_OBJECT_LOAD_H

#include "base/compat.h"

void load_open(lua_State *L);

#endif
