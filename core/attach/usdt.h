/* The part of USDT that is compiled into the object. */
#ifndef LBPF_ATTACH_USDT_H
#define LBPF_ATTACH_USDT_H

#include "base/class.h"

/* libbpf describes a probe's arguments in a map of the object, whose programs were compiled with
 * some version of usdt.bpf.h. Returns true if both use the same structure. Otherwise libbpf would
 * not notice, and the programs would read zeros: pushes nil, message, errno for OPERATION on PROG.
 */
bool usdt_fits(lua_State *L, struct owner *owner, const struct bpf_program *prog,
	       const char *operation);

#endif
