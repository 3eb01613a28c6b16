/* Writing sections .BTF.ext. */
#ifndef LBPF_BTF_EXTDATA_H
#define LBPF_BTF_EXTDATA_H

#include "base/compat.h"

void extdata_open(lua_State *L);

#endif
