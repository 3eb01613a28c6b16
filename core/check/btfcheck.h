/* What libbpf takes for granted of BTF, and what can be seen of an object file's before libbpf
 * opens it: ids and strings that exist, types that do not contain themselves.
 */
#ifndef LBPF_CHECK_BTFCHECK_H
#define LBPF_CHECK_BTFCHECK_H

#include "base/compat.h"
#include "check/elf.h"
#include <bpf/btf.h>

/* Are the types of BTF sound, those of its base left out? If not, WHY says what is wrong. */
bool btfcheck(const struct btf *btf, char *why, size_t size);

/* Is the BTF in an object file sound? True if it has none, or none that libbpf can read. */
bool btfcheck_source(lua_State *L, const struct elf_source *source, char *why, size_t size);

#endif
