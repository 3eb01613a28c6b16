/* Deletes all that a map has. */
#ifndef LBPF_MAP_CLEAR_H
#define LBPF_MAP_CLEAR_H

#include "base/compat.h"

void mapclear_open(lua_State *L);

#endif
