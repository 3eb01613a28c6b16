/* The programs and maps of an object, in order and by name. */
#ifndef LBPF_OPEN_PARTS_H
#define LBPF_OPEN_PARTS_H

#include "base/compat.h"

void parts_open(lua_State *L);

#endif
