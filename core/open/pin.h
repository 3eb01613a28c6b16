/* Pinning objects, programs and maps in a BPF file system, where they outlive the process. */
#ifndef LBPF_OPEN_PIN_H
#define LBPF_OPEN_PIN_H

#include "base/compat.h"

void pin_open(lua_State *L);

#endif
