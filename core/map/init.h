/* What a map is created from: another map in its place or as its template, or an initial value. */
#ifndef LBPF_MAP_INIT_H
#define LBPF_MAP_INIT_H

#include "base/compat.h"

void mapinit_open(lua_State *L);

#endif
