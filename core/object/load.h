/* How an object gets into the kernel: at once, in two steps, or by a program made of it. */
#ifndef LBPF_OBJECT_LOAD_H
#define LBPF_OBJECT_LOAD_H

#include "base/compat.h"

/* Methods of objects. */
extern const luaL_Reg load_methods[];

#endif
