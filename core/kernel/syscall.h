/* bpf.h: the kernel's interface by descriptor, for maps, programs and links of no object. */
#ifndef LBPF_KERNEL_SYSCALL_H
#define LBPF_KERNEL_SYSCALL_H

#include "base/compat.h"

/* lbpf.NAME of each part; where the first argument is a descriptor, an object that has one does. */
extern const luaL_Reg map_fd_functions[], map_element_functions[], map_batch_functions[],
	prog_fd_functions[], link_fd_functions[], id_functions[], info_functions[];

/* Those that are methods of an object's maps and programs as well. */
extern const luaL_Reg map_fd_methods[], map_element_methods[], map_batch_methods[],
	prog_fd_methods[];

/* Writes the keys and values of the table at 2 to the map at 1. */
int mapbatch_update_table(lua_State *L);

void syscall_open(lua_State *L);

#endif
