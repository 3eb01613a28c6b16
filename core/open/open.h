/* Opening objects: from a file or from memory, with the script's handlers in place. */
#ifndef LBPF_OPEN_OPEN_H
#define LBPF_OPEN_OPEN_H

#include "base/compat.h"

void open_open(lua_State *L);

#endif
