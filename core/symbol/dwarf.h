/* Source lines and inlined functions, by libdw: elfutils' library, loaded when it is first needed.
 */
#ifndef LBPF_SYMBOL_DWARF_H
#define LBPF_SYMBOL_DWARF_H

#include "symbol/elffile.h"

struct dwarf {
	struct elffile main, debug; /* `debug` is a copy of `main` if that has the information */
	void *handle;               /* libdw's */
	bool has_debug_file;
};

struct dwarf_frame {
	const char *function, *file; /* NULL: not known; they last until dwarf_close() */
	int line;                    /* 0: not known */
};

/* Opens the debugging information of the file at PATH, in it or in its debug file, which if ASKS
 * may come from debuginfod servers. Returns 0 or an error number: EOPNOTSUPP without libdw, ENODATA
 * if there is no such information.
 */
int dwarf_open(struct dwarf *d, const char *path, bool asks);
void dwarf_close(struct dwarf *d);

/* The functions at an offset in the file, the innermost first: those before the last are inlined in
 * the next one. Returns how many, at most MOST; 0: nothing is known.
 */
size_t dwarf_find(const struct dwarf *d, uint64_t offset, struct dwarf_frame *frames, size_t most);

#endif
