/* Elements of maps, looked up, updated and walked over by code that is generated for their types
 * and compiled by LuaJIT: lua/lbpf/jit. In other Luas there is none.
 */
#ifndef LBPF_MAP_JIT_MAPS_H
#define LBPF_MAP_JIT_MAPS_H

#include "map/walk.h"

/* Puts code that was compiled for the map at IDX in place of the function on top, which steps W,
 * and is called for what that does not do; if there is any.
 */
void jit_maps_walk(lua_State *L, int idx, struct mapwalk *w);

void jit_maps_open(lua_State *L);

#endif
