/* perf_event_open(2), as far as BPF programs are attached to it. */
#ifndef LBPF_PERF_H
#define LBPF_PERF_H

#include "compat.h"

void perf_open(lua_State *L);

#endif
