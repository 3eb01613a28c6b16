/* Writing object files. */
#ifndef LBPF_OBJECT_WRITE_H
#define LBPF_OBJECT_WRITE_H

#include "base/compat.h"

void objwrite_open(lua_State *L);

#endif
