/* Perf buffers: events from BPF programs, one buffer for each CPU. */
#ifndef LBPF_PERFBUF_H
#define LBPF_PERFBUF_H

#include "compat.h"

void perfbuf_open(lua_State *L);

#endif
