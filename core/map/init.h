/* What a map starts with: another map in its place or as its example, or a value. */
#ifndef LBPF_MAP_INIT_H
#define LBPF_MAP_INIT_H

#include "base/compat.h"

void mapinit_open(lua_State *L);

#endif
