/* Lists of links that a handler attached one program by: one link to whoever has the program. */
#ifndef LBPF_ATTACH_LINKLIST_H
#define LBPF_ATTACH_LINKLIST_H

#include "base/compat.h"

/* Gives the list at IDX the methods, unless it has a metatable. */
void linklist_adopt(lua_State *L, int idx);

void linklist_open(lua_State *L);

#endif
