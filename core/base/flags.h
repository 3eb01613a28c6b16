/* The kernel's flags by names: BPF_F_NO_PREALLOC is "no_prealloc" among a map's. */
#ifndef LBPF_BASE_FLAGS_H
#define LBPF_BASE_FLAGS_H

#include "base/compat.h"
#include <stdint.h>

struct flag {
	const char *name;
	uint32_t bit; /* a few are several, or none */
};

/* Each ends with a NULL name. */
extern const struct flag flags_attach[], /* attaching to cgroups, tcx, netkit; and links to XDP */
	flags_elem[],                    /* elements of maps */
	flags_file[],                    /* opening maps, by file or id */
	flags_map[], flags_prog[],       /* creating them */
	flags_query[], flags_run[],      /* prog_query, prog_test_run */
	flags_tc[], flags_xdp[],         /* by netlink */
	flags_netfilter[], flags_multi[];

/* The flags at IDX: bits, a name of the list, or a list of names. Else pushes what is wrong, and is
 * false.
 */
bool flags_read(lua_State *L, int idx, const struct flag *list, uint64_t *flags);

/* The argument ARG, of 32 bits; nil or none: 0. Raises what is wrong with it. */
uint32_t flags_check(lua_State *L, int arg, const struct flag *list);

#endif
