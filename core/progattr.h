/* What a loaded program is, besides the properties that it is loaded with. */
#ifndef LBPF_PROGATTR_H
#define LBPF_PROGATTR_H

#include "compat.h"

/* Methods of programs. */
extern const luaL_Reg progattr_methods[];

#endif
