/* Reads an object file before libbpf does. */
#ifndef LBPF_CHECK_ELF_H
#define LBPF_CHECK_ELF_H

#include <stdbool.h>
#include <stddef.h>

/* An object file: a path, or an image in memory if PATH is NULL. */
struct elf_source {
	const char *path;
	const void *image;
	size_t size;
};

/* Writes the names of the sections with programs into BUF, each with a zero byte at its end, up to
 * SIZE bytes. Returns the size of all names; 0 if it is not an ELF file.
 */
size_t elf_program_sections(const struct elf_source *source, char *buf, size_t size);

/* The error of reading the file at PATH, for example of a directory; 0 if it can be read, or not
 * even opened. libbpf leaks a descriptor for each file that libelf cannot read.
 */
int elf_read_error(const char *path);

/* Calls FN with the contents of every section NAME until it returns false. Returns false in that
 * case, else true, also if it is not an ELF file.
 */
typedef bool elf_section_fn(const void *data, size_t size, void *arg);
bool elf_each_section(const struct elf_source *source, const char *name, elf_section_fn *fn,
		      void *arg);

#endif
