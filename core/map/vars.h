/* Global variables of a BPF object: obj.vars.NAME. */
#ifndef LBPF_MAP_VARS_H
#define LBPF_MAP_VARS_H

#include "base/class.h"

/* Pushes obj.vars; ENV is the object's table. */
void vars_push(lua_State *L, struct owner *owner, int env);

void vars_open(lua_State *L);

#endif
