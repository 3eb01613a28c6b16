/* Types of programs, maps, attachments and links: by section, by number, and as strings. */
#ifndef LBPF_TYPES_H
#define LBPF_TYPES_H

#include "compat.h"

void types_open(lua_State *L);

#endif
