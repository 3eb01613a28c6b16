/* What a map starts with: another map in its place or as its example, or a value. */
#ifndef LBPF_MAPINIT_H
#define LBPF_MAPINIT_H

#include "compat.h"

/* Methods of maps. */
extern const luaL_Reg mapinit_methods[];

#endif
