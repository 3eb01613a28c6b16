/* What libbpf prints: kept with the call that caused it, and passed to the script's function. */
#ifndef LBPF_BASE_LOG_H
#define LBPF_BASE_LOG_H

#include "base/compat.h"

void log_open(lua_State *L);

#endif
