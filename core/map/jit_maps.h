/* Elements of maps, looked up, updated and walked over by code that is generated for their types
 * and compiled by LuaJIT: lua/lbpf/jit. In other Luas there is none.
 */
#ifndef LBPF_MAP_JIT_MAPS_H
#define LBPF_MAP_JIT_MAPS_H

#include "base/compat.h"

void jit_maps_open(lua_State *L);

#endif
