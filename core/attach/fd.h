/* Attaching without a link, by descriptors: to cgroups, socket maps, namespaces; and iterators. */
#ifndef LBPF_ATTACH_FD_H
#define LBPF_ATTACH_FD_H

#include "base/compat.h"

void attach_fd_open(lua_State *L);

#endif
