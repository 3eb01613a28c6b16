/* Types of programs, maps, attachments and links: by section, by number, and as strings. */
#ifndef LBPF_KERNEL_TYPES_H
#define LBPF_KERNEL_TYPES_H

#include "base/compat.h"

void types_open(lua_State *L);

#endif
