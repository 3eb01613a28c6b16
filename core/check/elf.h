/* Reads an object file before libbpf does. */
#ifndef LBPF_CHECK_ELF_H
#define LBPF_CHECK_ELF_H

#include "base/compat.h"
#include <libelf.h>

/* An object file in memory: a file that is mapped may be rewritten meanwhile, and one that became
 * shorter ends the process.
 */
struct elf_source {
	const void *image;
	size_t size;
};

/* Reads the file at PATH, or behind a descriptor. Pushes its bytes; returns 0 or an error number.
 */
int elf_push_file(lua_State *L, const char *path, struct elf_source *source);
int elf_push_fd(lua_State *L, int fd, struct elf_source *source);

/* The file as libelf reads it; elf_end(image.elf) frees it. */
struct elf_image {
	Elf *elf;
	size_t names; /* the section with the section names */
};

/* False if it is not an ELF file. */
bool elf_enter(struct elf_image *image, const struct elf_source *source);

/* Writes the names of the sections with programs into BUF, each with a zero byte at its end, up to
 * SIZE bytes. Returns the size of all names; 0 if it is not an ELF file.
 */
size_t elf_program_sections(const struct elf_source *source, char *buf, size_t size);

/* Calls FN with the contents of every section NAME until it returns false. Returns false in that
 * case, else true, also if it is not an ELF file.
 */
typedef bool elf_section_fn(const void *data, size_t size, void *arg);
bool elf_each_section(const struct elf_source *source, const char *name, elf_section_fn *fn,
		      void *arg);

#endif
