/* What the kernel knows about a program, map, link or BTF. */
#ifndef LBPF_KERNEL_INFO_H
#define LBPF_KERNEL_INFO_H

#include "base/compat.h"

/* Pushes the table and returns 0; or pushes nothing and returns an error number. OPTS is the index
 * of the options, or 0.
 */
typedef int info_push(lua_State *L, int fd, int opts);
info_push info_push_prog, info_push_map, info_push_link, info_push_btf;

void info_open(lua_State *L);

#endif
