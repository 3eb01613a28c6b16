/* Waiting for descriptors and signals. */
#ifndef LBPF_POLLER_H
#define LBPF_POLLER_H

#include "compat.h"

void poller_open(lua_State *L);

#endif
