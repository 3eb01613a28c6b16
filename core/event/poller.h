/* Waiting for descriptors and signals. */
#ifndef LBPF_EVENT_POLLER_H
#define LBPF_EVENT_POLLER_H

#include "base/compat.h"

void poller_open(lua_State *L);

#endif
