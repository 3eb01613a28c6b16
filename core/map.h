/* Maps of an object. */
#ifndef LBPF_MAP_H
#define LBPF_MAP_H

#include "class.h"

/* Pushes the one handle of the map; ENV is its object's table. */
void map_push(lua_State *L, struct owner *owner, struct bpf_map *map, int env);

/* The argument ARG; raises unless it is a map of this open object. */
struct bpf_map *map_check_of(lua_State *L, int arg, const struct owner *owner);

/* The argument ARG; raises unless it is a map of an open object that exists in the kernel. */
struct bpf_map *map_check_created(lua_State *L, int arg);

/* The value at IDX; NULL if it is no map, or its object is closed. */
struct bpf_map *map_test(lua_State *L, int idx);

/* The object of the map at IDX; NULL if it is no map. */
struct owner *map_owner(lua_State *L, int idx);

void map_open(lua_State *L);

#endif
