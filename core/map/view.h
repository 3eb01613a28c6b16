/* A script's view of a map. Each map of an object has one; map:view() and lbpf.map() create others.
 */
#ifndef LBPF_MAP_VIEW_H
#define LBPF_MAP_VIEW_H

#include "map/codec.h"

/* The map at ARG: a map of an object, a view, or a descriptor, for which PLAIN is initialised.
 * Raises if it is none of these, or does not exist.
 */
const struct mapcodec *mapview_check(lua_State *L, int arg, struct mapcodec *plain);

/* The same if it is known and open, and not a descriptor; else NULL. Does not raise. */
const struct mapcodec *mapview_known(lua_State *L, int idx);

/* Pushes the table of names of M, the map at ARG; nil if it needs none. */
void mapview_push_names(lua_State *L, int arg, const struct mapcodec *m);

/* Adds methods to maps and views, of modules that are opened later. */
void mapview_add_methods(lua_State *L, const luaL_Reg *methods);

void mapview_open(lua_State *L);

#endif
