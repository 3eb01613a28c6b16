/* The programs and maps of an object, in order and by name. */
#ifndef LBPF_OPEN_PARTS_H
#define LBPF_OPEN_PARTS_H

#include "base/compat.h"

/* Methods of objects. */
extern const luaL_Reg parts_methods[];

#endif
