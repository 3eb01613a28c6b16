/* Joining BPF object files into one. */
#ifndef LBPF_LINKER_H
#define LBPF_LINKER_H

#include "compat.h"

void linker_open(lua_State *L);

#endif
