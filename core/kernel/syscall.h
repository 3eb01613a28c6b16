/* bpf.h: programs, maps and links by descriptor. */
#ifndef LBPF_KERNEL_SYSCALL_H
#define LBPF_KERNEL_SYSCALL_H

#include "base/compat.h"

/* Each of these adds its functions. Where an argument is a descriptor, an object that has one is
 * accepted.
 */
void ids_open(lua_State *L);
void linkfd_open(lua_State *L);
void progfd_open(lua_State *L);
void syscall_open(lua_State *L);

#endif
