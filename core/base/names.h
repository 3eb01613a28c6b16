/* Tables of parts by name. Indexing them with an unknown name is an error. */
#ifndef LBPF_BASE_NAMES_H
#define LBPF_BASE_NAMES_H

#include "base/compat.h"

/* Makes the table on top of the stack strict; KIND ("program") and OWNER are for the error message.
 */
void names_make_strict(lua_State *L, const char *kind, const char *owner);

#endif
