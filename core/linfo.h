/* Which source line an instruction of a loaded program comes from. */
#ifndef LBPF_LINFO_H
#define LBPF_LINFO_H

#include "compat.h"

void linfo_open(lua_State *L);

#endif
