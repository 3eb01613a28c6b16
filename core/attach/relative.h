/* The position of a program among those attached at the same place. */
#ifndef LBPF_ATTACH_RELATIVE_H
#define LBPF_ATTACH_RELATIVE_H

#include "base/field.h"
#include <stdint.h>

/* These options of one of libbpf's structures. */
#define RELATIVE_FIELDS(major, minor, type)                                                        \
	FIELD_FROM(major, minor, type, flags, FIELD_ATTACH_FLAGS),                                 \
		FIELD_FROM(major, minor, type, relative_fd, FIELD_FD),                             \
		FIELD_FROM(major, minor, type, relative_id, FIELD_U32),                            \
		FIELD_FROM(major, minor, type, expected_revision, FIELD_U64)

/* Sets the flags that the options `relative_fd` and `relative_id` of the table at ARG require:
 * whether it is a link, and whether it is an id. The options or the table may be missing.
 */
void relative_add_flags(lua_State *L, int arg, uint32_t *flags);

#endif
