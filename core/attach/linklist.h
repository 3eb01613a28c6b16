/* Lists of the links with which a handler attached one program. */
#ifndef LBPF_ATTACH_LINKLIST_H
#define LBPF_ATTACH_LINKLIST_H

#include "base/compat.h"

/* Adds the methods to the list at IDX, unless it has a metatable. */
void linklist_adopt(lua_State *L, int idx);

void linklist_open(lua_State *L);

#endif
