/* Attaching without a link, by descriptors: to cgroups, socket maps, namespaces; and iterators. */
#ifndef LBPF_ATTACH_FD_H
#define LBPF_ATTACH_FD_H

#include "base/fd.h"

/* Reads ARG: for attach types of XDP, tcx and netkit a network interface, else a descriptor or a
 * path. If there is no such interface, pushes the error and returns false.
 */
bool attach_check_target(lua_State *L, int arg, int type, struct fd_target *t,
			 const char *operation);

void attach_fd_open(lua_State *L);

#endif
