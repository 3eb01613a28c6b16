/* Attaching programs: by their section, by a handler's function, or to a given target. */
#ifndef LBPF_ATTACH_ATTACH_H
#define LBPF_ATTACH_ATTACH_H

#include "base/compat.h"

/* The method map:attach_struct_ops(). */
int attach_struct_ops(lua_State *L);

/* Each of these adds methods to programs, objects or maps. */
void attach_open(lua_State *L);
void attach_kernel_open(lua_State *L);
void attach_event_open(lua_State *L);
void attach_net_open(lua_State *L);
void attach_btf_open(lua_State *L);

#endif
