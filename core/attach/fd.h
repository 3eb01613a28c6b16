/* Attaching without a link, by descriptors: to cgroups, socket maps, namespaces; and iterators. */
#ifndef LBPF_ATTACH_FD_H
#define LBPF_ATTACH_FD_H

#include "base/fd.h"

/* What ARG names: a network interface for the attach types of XDP, tcx and netkit, else a
 * descriptor or a path. False, with the reason pushed, if there is no such interface.
 */
bool attach_check_target(lua_State *L, int arg, int type, struct fd_target *t,
			 const char *operation);

void attach_fd_open(lua_State *L);

#endif
