/* Elements of maps: looked up, updated, deleted, one at a time. */
#ifndef LBPF_MAP_ELEM_H
#define LBPF_MAP_ELEM_H

#include "base/compat.h"

void mapelem_open(lua_State *L);

#endif
