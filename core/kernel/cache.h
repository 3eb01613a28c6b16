/* Files that a user keeps for later, and that no other user can have written. */
#ifndef LBPF_KERNEL_CACHE_H
#define LBPF_KERNEL_CACHE_H

#include "base/compat.h"

void cache_open(lua_State *L);

#endif
