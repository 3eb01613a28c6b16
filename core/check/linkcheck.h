/* Checks of object files that libbpf's linker does not make, but relies on. Those of BTF that
 * btfcheck.h makes come before these.
 */
#ifndef LBPF_CHECK_LINKCHECK_H
#define LBPF_CHECK_LINKCHECK_H

#include "base/compat.h"
#include "check/elf.h"

/* What the files of one linker have: {0} at first, linkcheck_free() at the end. */
struct linkcheck {
	struct linkcheck_name *names;
	size_t n;
};

void linkcheck_free(struct linkcheck *c);

/* May libbpf link this file with those before? If not, writes the reason to WHY. Also true for
 * files that libbpf refuses. Inside of a frame: libbpf prints errors about BTF that it cannot read.
 */
bool linkcheck_source(struct linkcheck *c, const struct elf_source *source, char *why, size_t size);

#endif
