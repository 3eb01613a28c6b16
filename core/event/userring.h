/* User ring buffers: samples sent to BPF programs. */
#ifndef LBPF_EVENT_USERRING_H
#define LBPF_EVENT_USERRING_H

#include "base/compat.h"

void userring_open(lua_State *L);

#endif
