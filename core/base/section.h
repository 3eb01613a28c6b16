/* The names of libbpf's SEC(), for messages: libbpf does not tell them. */
#ifndef LBPF_BASE_SECTION_H
#define LBPF_BASE_SECTION_H

#include "base/compat.h"

/* How a program is attached whose section names no target: "program:attach_xdp()"; NULL if it is
 * not known.
 */
const char *section_method(const char *section);

/* Writes the names that come near to the section's, "kprobe, uprobe"; "" if none does. */
void section_nearest(const char *section, char *out, size_t size);

#endif
