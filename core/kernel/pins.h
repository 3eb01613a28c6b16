/* Directories of a BPF file system. */
#ifndef LBPF_KERNEL_PINS_H
#define LBPF_KERNEL_PINS_H

#include "base/compat.h"

void pins_open(lua_State *L);

#endif
