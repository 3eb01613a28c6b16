/* Maps by descriptor. The kernel trusts the sizes that the caller passes, so they are read from it.
 */
#ifndef LBPF_MAP_FD_H
#define LBPF_MAP_FD_H

#include "base/compat.h"
#include <stdint.h>

struct mapfd {
	int fd;
	uint32_t type, max_entries, map_flags;
	size_t key_size;
	size_t value_size; /* for one CPU */
	char name[64];     /* "map 'x'" */
};

/* Do maps of this type have a value for each CPU? */
bool mapfd_is_per_cpu(uint32_t type);

/* Are keys of this type of map 32-bit integers below max_entries, whatever BTF says? */
bool mapfd_is_array(uint32_t type);

/* Initialises M for the map at ARG: a descriptor, or an object that has one. */
void mapfd_check(lua_State *L, int arg, struct mapfd *m);

/* Does the kernel copy the values of all CPUs with these flags? */
bool mapfd_is_of_all_cpus(const struct mapfd *m, uint64_t flags);

/* How many bytes the kernel copies for a value with these flags. */
size_t mapfd_value_size(lua_State *L, const struct mapfd *m, uint64_t flags);

/* Reads flags for elements at IDX, an argument or an option, as flags_read(); nil is 0. */
bool mapfd_to_flags(lua_State *L, int idx, uint64_t *flags);

/* The same for the argument ARG; raises if they are invalid. */
uint64_t mapfd_check_flags(lua_State *L, int arg);

/* Pushes nil, message, errno. */
int mapfd_fail(lua_State *L, const struct mapfd *m, int err, const char *operation);

#endif
