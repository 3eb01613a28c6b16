/* An ELF file for BPF as libelf writes it: what it consists of, in C alone. */
#ifndef LBPF_OBJECT_ELF_H
#define LBPF_OBJECT_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_section {
	const char *name, *type, *flags;
	const char *data; /* NULL: there is none in the file */
	uint64_t size, align;
	size_t n_relocations;
	Elf64_Word name_off, rel_name_off;
};

struct elf_symbol {
	const char *name, *section, *type, *bind, *visibility;
	uint64_t value, size;
	unsigned char info, other;
	Elf64_Section shndx; /* sections count from 1; 0: it is defined elsewhere */
	size_t index;        /* in the file, where those that are local come first */
	Elf64_Word name_off;
};

struct elf_relocation {
	const char *section, *type;
	uint64_t offset;
	size_t target, symbol; /* which section it changes, and the symbol; from 0 */
	unsigned number;       /* of its type */
};

/* Whoever fills this in has the memory, also for the strings and tables that the file adds. */
struct elf_file {
	struct elf_section *sections;
	struct elf_symbol *symbols;
	struct elf_relocation *relocations;
	size_t n_sections, n_symbols, n_relocations, n_local;
	char *strings; /* elf_strings_size() */
	size_t n_strings;
	Elf64_Sym *symtab;   /* one more than there are symbols */
	Elf64_Rel *rels;     /* as many as there are relocations */
	unsigned char order; /* ELFDATA2LSB or ELFDATA2MSB */
};

size_t elf_strings_size(const struct elf_file *file);

/* Writes it to the descriptor, of an empty file. False if libelf fails, which *WHY tells. */
bool elf_write(struct elf_file *file, int fd, const char **why);

#endif
