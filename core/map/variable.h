/* The variables of an object, and how they are found by their names. */
#ifndef LBPF_MAP_VARIABLE_H
#define LBPF_MAP_VARIABLE_H

#include "base/class.h"
#include <bpf/libbpf.h>

struct variable {
	struct bpf_map *map; /* whose memory has it */
	const char *name;
	uint32_t id, type; /* in the object's BTF */
	uint32_t offset, size;
	uint32_t place; /* in its section, from 1 */
};

/* Steps to the variable after V, which begins as {0}. False after the last one. */
bool variable_next(struct bpf_object *obj, struct variable *v);

/* Finds the variable that NAME names, alone or with a path that follows, "where.x", which *PATH
 * becomes; or the one with a number. Raises if there is none, or several.
 */
void variable_find(lua_State *L, struct owner *owner, const char *name, struct variable *v,
		   const char **path);

/* How many have this name? */
unsigned variable_count(struct owner *owner, const char *name);

/* Is it in an arena, whose memory libbpf maps itself? */
bool variable_is_in_arena(const struct variable *v);

#endif
