/* What a loaded program is, besides the properties that it is loaded with. */
#ifndef LBPF_OBJECT_PROGATTR_H
#define LBPF_OBJECT_PROGATTR_H

#include "base/compat.h"

/* Methods of programs, and of objects. */
extern const luaL_Reg progattr_methods[];
extern const luaL_Reg progattr_object_methods[];

#endif
