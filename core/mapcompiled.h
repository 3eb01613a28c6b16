/* Elements of maps, looked up and updated by code that is generated for their types and compiled by
 * LuaJIT: lua/lbpf/jit. In other Luas there is none.
 */
#ifndef LBPF_MAPCOMPILED_H
#define LBPF_MAPCOMPILED_H

#include "compat.h"

void mapcompiled_open(lua_State *L);

#endif
