/* Linking BPF object files into one. */
#ifndef LBPF_KERNEL_LINKER_H
#define LBPF_KERNEL_LINKER_H

#include "base/compat.h"

void linker_open(lua_State *L);

#endif
