/* Where a program comes among those that are attached at the same place. */
#ifndef LBPF_ATTACH_RELATIVE_H
#define LBPF_ATTACH_RELATIVE_H

#include "base/field.h"
#include <stdint.h>

/* These options of a structure of libbpf's. */
#define RELATIVE_FIELDS(major, minor, type)                                                        \
	FIELD_FROM(major, minor, type, flags, FIELD_ATTACH_FLAGS),                                 \
		FIELD_FROM(major, minor, type, relative_fd, FIELD_FD),                             \
		FIELD_FROM(major, minor, type, relative_id, FIELD_U32),                            \
		FIELD_FROM(major, minor, type, expected_revision, FIELD_U64)

/* The flags say what options `relative_fd` and `relative_id` of the table at ARG are: a link, where
 * that is one; an id. The options may be missing, and the table too.
 */
void relative_add_flags(lua_State *L, int arg, uint32_t *flags);

#endif
