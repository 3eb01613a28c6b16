/* The version of libbpf, and what it and the machine support. */
#ifndef LBPF_KERNEL_PROBE_H
#define LBPF_KERNEL_PROBE_H

#include "base/compat.h"

void probe_open(lua_State *L);

#endif
