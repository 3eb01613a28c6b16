/* Which source line an instruction of a loaded program comes from. */
#ifndef LBPF_KERNEL_LINFO_H
#define LBPF_KERNEL_LINFO_H

#include "base/compat.h"

void linfo_open(lua_State *L);

#endif
