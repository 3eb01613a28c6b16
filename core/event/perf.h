/* perf_event_open(2), as far as BPF programs need it. */
#ifndef LBPF_EVENT_PERF_H
#define LBPF_EVENT_PERF_H

#include "base/compat.h"

struct perf_event_attr;

/* Reads the table at ARG, which field_read() replaces by a copy; raises if it is invalid. */
void perf_check_attr(lua_State *L, int arg, struct perf_event_attr *attr);

void perf_open(lua_State *L);

#endif
