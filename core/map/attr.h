/* Attributes of maps: they can be read at any time, and set until the map is created. */
#ifndef LBPF_MAP_ATTR_H
#define LBPF_MAP_ATTR_H

#include "base/bind.h"

/* For setters: the map at 1, which must not be created yet. libbpf checks this only in some
 * setters. */
struct bpf_map *mapattr_check_uncreated(lua_State *L, struct bound *b);

/* A map may not change between types of different families, since libbpf allocates different memory
 * for each. Types for which it allocates none are in the family BPF_MAP_TYPE_UNSPEC.
 */
int mapattr_family(enum bpf_map_type type);

void mapattr_open(lua_State *L);

#endif
