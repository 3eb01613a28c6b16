/* What has to be known of an object file before libbpf sees it. */
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

/* Writes the names of the sections that hold programs into BUF, each ended by a zero byte, as
 * far as SIZE goes. The size that all of them take; 0 for what is no ELF file.
 */
size_t elf_program_sections(const struct elf_source *source, char *buf, size_t size);

/* The error of reading the file at PATH, of a directory for instance; 0 if it can be read, or not
 * even opened. libbpf loses a descriptor with each file that libelf cannot read.
 */
int elf_read_error(const char *path);

/* Calls FN with the bytes of every section called NAME, until it is false. True if it never was,
 * so also for what is no ELF file.
 */
typedef bool elf_section_fn(const void *data, size_t size, void *arg);
bool elf_each_section(const struct elf_source *source, const char *name, elf_section_fn *fn,
		      void *arg);

#endif
