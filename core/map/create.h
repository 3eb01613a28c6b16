/* Maps that belong to no object: created and frozen by descriptor. */
#ifndef LBPF_MAP_CREATE_H
#define LBPF_MAP_CREATE_H

#include "base/compat.h"

void mapcreate_open(lua_State *L);

#endif
