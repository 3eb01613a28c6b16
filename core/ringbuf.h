/* Ring buffers: events from BPF programs. */
#ifndef LBPF_RINGBUF_H
#define LBPF_RINGBUF_H

#include "compat.h"

void ringbuf_open(lua_State *L);

#endif
