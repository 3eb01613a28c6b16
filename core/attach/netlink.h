/* Attaching to network interfaces without a link: XDP and TC. */
#ifndef LBPF_ATTACH_NETLINK_H
#define LBPF_ATTACH_NETLINK_H

#include "base/compat.h"

/* The network interface at IDX, an index or a name. If there is none of that name, pushes nil,
 * message, errno for OPERATION, and returns 0. Raises an error about argument ARG if it is neither.
 */
int net_check_interface(lua_State *L, int idx, int arg, const char *operation);

void net_open(lua_State *L);

#endif
