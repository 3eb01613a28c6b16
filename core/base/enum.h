/* libbpf's names for types, such as "kprobe", "trace_kprobe_multi" and "ringbuf": name to id and
 * back. */
#ifndef LBPF_BASE_ENUM_H
#define LBPF_BASE_ENUM_H

#include "base/compat.h"

struct enumeration {
	const char *what;            /* "program type" */
	const char *(*name)(int id); /* NULL if the id has no name */
};

extern const struct enumeration enum_prog_type, enum_attach_type, enum_map_type, enum_link_type;

/* The id of the argument ARG, a name or a number; raises on anything else. */
int enum_check(lua_State *L, int arg, const struct enumeration *e);

/* The id of the value at IDX; false if it is neither a known name nor a number. */
bool enum_to_id(lua_State *L, int idx, const struct enumeration *e, int *id);

/* Pushes the name of ID, or the number if the running libbpf has no name for it. */
void enum_push(lua_State *L, int id, const struct enumeration *e);

/* Flags that libbpf has no names for: sets the constants of LIST, which ends with a NULL name, in
 * the table on top of the stack.
 */
struct constant {
	const char *name;
	int value;
};

void enum_set_constants(lua_State *L, const struct constant *list);

#endif
