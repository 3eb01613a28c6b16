/* Runs another program, clang for example, without a shell. */
#ifndef LBPF_KERNEL_SPAWN_H
#define LBPF_KERNEL_SPAWN_H

#include "base/compat.h"

void spawn_open(lua_State *L);

#endif
