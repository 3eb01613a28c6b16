/* A script's handle of one ring of a ring buffer: ring_buffer:ring(). */
#ifndef LBPF_EVENT_RING_H
#define LBPF_EVENT_RING_H

#include "base/compat.h"

void ring_open(lua_State *L);

#endif
