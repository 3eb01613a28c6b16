/* What a map is like: attributes that are read at any time, and set until it exists. */
#ifndef LBPF_MAP_ATTR_H
#define LBPF_MAP_ATTR_H

#include "base/bind.h"

/* Newer than the oldest headers that this is built with. */
enum { MAP_TYPE_ARENA = 33 };

/* What a setter needs: the map at 1, which must not exist yet. libbpf checks this for some only. */
struct bpf_map *mapattr_check_uncreated(lua_State *L, struct bound *b);

/* A map may not change between types of different families: libbpf keeps other memory for each.
 * Those that it keeps none for are in the family BPF_MAP_TYPE_UNSPEC.
 */
int mapattr_family(enum bpf_map_type type);

void mapattr_open(lua_State *L);

#endif
