/* A map as a script sees it. Each map of an object has a view; map:view() and lbpf.map() make more.
 */
#ifndef LBPF_MAP_VIEW_H
#define LBPF_MAP_VIEW_H

#include "map/codec.h"

/* The map at ARG: of an object, a view, or a descriptor, which PLAIN is then filled for. Raises
 * unless it is one that exists.
 */
const struct mapcodec *mapview_check(lua_State *L, int arg, struct mapcodec *plain);

/* The same if it is known and open, and no descriptor; else NULL. Raises nothing. */
const struct mapcodec *mapview_known(lua_State *L, int idx);

/* Pushes the table of names of the map at ARG, M; nil if it needs none. */
void mapview_push_names(lua_State *L, int arg, const struct mapcodec *m);

/* Methods of maps and views alike, which open later. */
void mapview_add_methods(lua_State *L, const luaL_Reg *methods);

void mapview_open(lua_State *L);

#endif
