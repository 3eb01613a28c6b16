/* The types of an object: its BTF, and codecs. */
#ifndef LBPF_OBJECT_TYPES_H
#define LBPF_OBJECT_TYPES_H

#include "base/compat.h"

void objtypes_open(lua_State *L);

#endif
