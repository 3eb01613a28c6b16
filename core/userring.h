/* User ring buffers: samples for BPF programs. */
#ifndef LBPF_USERRING_H
#define LBPF_USERRING_H

#include "compat.h"

void userring_open(lua_State *L);

#endif
