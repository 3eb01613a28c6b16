/* Perf buffers: events from BPF programs, with one buffer per CPU. */
#ifndef LBPF_EVENT_PERFBUF_H
#define LBPF_EVENT_PERFBUF_H

#include "base/compat.h"

void perfbuf_open(lua_State *L);

#endif
