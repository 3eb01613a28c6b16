/* Sections .BTF.ext: the function, line of source and relocation of each instruction. */
#ifndef LBPF_BTF_EXT_H
#define LBPF_BTF_EXT_H

#include "base/class.h"
#include <bpf/btf.h>

/* As the kernel's Documentation/bpf/btf.rst has it; no header does. Offsets start where the header
 * ends, and each part is: the size of a record; then for each section its name, the number of
 * records, the records.
 */
struct ext_header {
	__u16 magic;
	__u8 version, flags;
	__u32 hdr_len;
	__u32 func_info_off, func_info_len;
	__u32 line_info_off, line_info_len;
	__u32 core_relo_off, core_relo_len;
};

/* The argument ARG; raises unless it is such a section and open. Busy is only its owner. */
struct owner *ext_check(lua_State *L, int arg);
struct btf_ext *ext_of(struct owner *owner);

/* Do its types and strings exist in BTF? libbpf does not check that. */
bool ext_fits(struct owner *owner, const struct btf *btf);

void ext_open(lua_State *L);

#endif
