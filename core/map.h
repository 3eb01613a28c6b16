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

/* The object that the map at ARG, which has been checked, belongs to. */
struct owner *map_owner(lua_State *L, int arg);

void map_open(lua_State *L);

#endif
