/* Elements of maps, looked up, updated and walked over by code that is generated for their types
 * and compiled by LuaJIT: lua/lbpf/jit. In other Luas there is none.
 */
#ifndef LBPF_MAPCOMPILED_H
#define LBPF_MAPCOMPILED_H

#include "mapwalk.h"

/* Puts code that was compiled for the map at IDX in place of the function on top, which steps W,
 * and is called for what that does not do; if there is any.
 */
void mapcompiled_walk(lua_State *L, int idx, struct mapwalk *w);

void mapcompiled_open(lua_State *L);

#endif
