/* Lookups, updates and walks in LuaJIT, by code that lua/lbpf/jit generates for the types of a map.
 * Other Luas do not use this.
 */
#ifndef LBPF_MAP_JIT_MAPS_H
#define LBPF_MAP_JIT_MAPS_H

#include "base/compat.h"

void jit_maps_open(lua_State *L);

#endif
