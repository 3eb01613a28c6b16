/* Tables of parts by name, in which a misspelt name is an error and not a nil. */
#ifndef LBPF_BASE_NAMES_H
#define LBPF_BASE_NAMES_H

#include "base/compat.h"

/* Makes the table on top of the stack strict: it holds what KIND ("program") says, of OWNER. */
void names_make_strict(lua_State *L, const char *kind, const char *owner);

#endif
