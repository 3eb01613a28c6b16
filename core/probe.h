/* Which libbpf this is, and what it and the machine have. */
#ifndef LBPF_PROBE_H
#define LBPF_PROBE_H

#include "compat.h"

void probe_open(lua_State *L);

#endif
