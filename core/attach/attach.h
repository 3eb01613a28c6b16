/* Attaching programs: by their section, by a handler's closure, or to whatever is named. */
#ifndef LBPF_ATTACH_ATTACH_H
#define LBPF_ATTACH_ATTACH_H

#include "base/compat.h"

/* The methods program:attach() and object:attach(). */
int attach_program(lua_State *L);
int attach_object(lua_State *L);

/* The method map:attach_struct_ops(). */
int attach_struct_ops(lua_State *L);

/* The methods of programs that name their target. */
extern const luaL_Reg attach_kernel_methods[], attach_event_methods[], attach_net_methods[],
	attach_btf_methods[];

/* The same for maps. */
extern const luaL_Reg attach_map_methods[];

#endif
