/* The types that an object came with: its BTF, and codecs made of it. */
#ifndef LBPF_OBJECT_TYPES_H
#define LBPF_OBJECT_TYPES_H

#include "base/compat.h"

void objtypes_open(lua_State *L);

#endif
