/* bpf.h: the kernel's interface by descriptor, for maps, programs and links of no object. */
#ifndef LBPF_KERNEL_SYSCALL_H
#define LBPF_KERNEL_SYSCALL_H

#include "base/compat.h"

/* Each of these adds its functions; where the first argument is a descriptor, an object that has
 * one does.
 */
void ids_open(lua_State *L);
void linkfd_open(lua_State *L);
void progfd_open(lua_State *L);
void syscall_open(lua_State *L);

#endif
