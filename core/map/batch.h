/* Elements of maps, many at a time. */
#ifndef LBPF_MAP_BATCH_H
#define LBPF_MAP_BATCH_H

#include "base/compat.h"

/* Writes the keys and values of the table at 2 to the map at 1. */
int mapbatch_update_table(lua_State *L);

void mapbatch_open(lua_State *L);

#endif
