/* Checks of BTF that libbpf does not make: that ids and strings exist, and that types do not
 * contain themselves. Object files are checked before libbpf opens them.
 */
#ifndef LBPF_CHECK_BTFCHECK_H
#define LBPF_CHECK_BTFCHECK_H

#include "base/compat.h"
#include "check/elf.h"
#include <bpf/btf.h>

/* Are the types of BTF valid (without those of its base)? If not, writes the reason to WHY. */
bool btfcheck(const struct btf *btf, char *why, size_t size);

/* Is the BTF in an object file valid? Also true if there is none, or none that libbpf can read. */
bool btfcheck_source(lua_State *L, const struct elf_source *source, char *why, size_t size);

#endif
