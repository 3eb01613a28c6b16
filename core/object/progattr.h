/* Properties of loaded programs. */
#ifndef LBPF_OBJECT_PROGATTR_H
#define LBPF_OBJECT_PROGATTR_H

#include "base/compat.h"

void progattr_open(lua_State *L);

#endif
