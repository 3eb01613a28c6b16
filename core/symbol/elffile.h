/* An ELF file: its identity, its debug files, addresses and offsets in it. */
#ifndef LBPF_SYMBOL_ELFFILE_H
#define LBPF_SYMBOL_ELFFILE_H

#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define ELFFILE_BUILD_ID_MAX 64

struct elffile_id {
	unsigned char bytes[ELFFILE_BUILD_ID_MAX];
	size_t size; /* 0: the file has none */
};

struct elffile {
	int fd;
	Elf *elf;
	struct elffile_id id;
	char debuglink[NAME_MAX + 1]; /* empty: none */
	bool asks;                    /* debuginfod servers for its debug file, too */
};

/* Returns 0 or an error number: ENOEXEC if it is not an ELF file. */
int elffile_open(struct elffile *f, const char *path);
void elffile_close(struct elffile *f);

/* Whether it has that section, with contents. */
bool elffile_has_section(const struct elffile *f, const char *name);

/* Converts a virtual address to an offset in the file, and back; false if no segment contains it.
 */
bool elffile_to_offset(const struct elffile *f, uint64_t *addr);
bool elffile_to_address(const struct elffile *f, uint64_t *offset);

/* Opens the next debug file of MAIN, which is at PATH; *I is 0 at first. Its build id and
 * .gnu_debuglink name it, and only a build id proves that it belongs to MAIN. False if there are no
 * more.
 */
bool elffile_next_debug(const char *path, const struct elffile *main, int *i, struct elffile *f);

#endif
