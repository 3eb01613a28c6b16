/* Maps of an object. */
#ifndef LBPF_MAP_MAP_H
#define LBPF_MAP_MAP_H

#include "base/class.h"

struct mapcodec;

/* Pushes the map's only handle; ENV is its object's table. */
void map_push(lua_State *L, struct owner *owner, struct bpf_map *map, int env);

/* The argument ARG; raises if it is not a map of an open object. OWNER may be NULL. */
struct bpf_map *map_check(lua_State *L, int arg, struct owner **owner);

/* The same; it must belong to this object. */
struct bpf_map *map_check_of(lua_State *L, int arg, const struct owner *owner);

/* The same; it must exist in the kernel. */
struct bpf_map *map_check_created(lua_State *L, int arg);

/* The codec for the elements of the map at ARG; NULL if it is not a map of an object. Raises if the
 * map does not exist. The table of names is in the handle's uservalue, keyed by this address.
 */
const struct mapcodec *map_codec(lua_State *L, int arg);

/* The same if it was used before and the object is open, else NULL. Does not raise. */
const struct mapcodec *map_known_codec(lua_State *L, int idx);

/* The value at IDX; NULL if it is not a map, or if its object is closed. */
struct bpf_map *map_test(lua_State *L, int idx);

/* The object of the map at IDX; NULL if it is not a map. */
struct owner *map_owner(lua_State *L, int idx);

/* Adds methods of modules that are opened later. */
void map_add_methods(lua_State *L, const luaL_Reg *methods);

void map_open(lua_State *L);

#endif
