/* Symbols for scripts: of the kernel, and of ELF files. */
#ifndef LBPF_SYMBOL_SYMBOLS_H
#define LBPF_SYMBOL_SYMBOLS_H

#include "base/compat.h"

void symbols_open(lua_State *L);

#endif
