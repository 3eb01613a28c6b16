/* Where a program comes among those that are attached at the same place. */
#ifndef LBPF_ATTACH_RELATIVE_H
#define LBPF_ATTACH_RELATIVE_H

#include "base/compat.h"
#include <stdint.h>

/* The flags say what options `relative_fd` and `relative_id` of the table at ARG are: a link, where
 * that is one; an id. The options may be missing, and the table too.
 */
void relative_add_flags(lua_State *L, int arg, uint32_t *flags);

#endif
