/* The contents of an ELF file for BPF, which libelf writes. Does not use Lua. */
#ifndef LBPF_OBJECT_ELF_H
#define LBPF_OBJECT_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_section {
	const char *name, *type, *flags;
	const char *data; /* NULL: the file has none */
	uint64_t size, align;
	size_t n_relocations;
	Elf64_Word name_off, rel_name_off;
};

struct elf_symbol {
	const char *name, *section, *type, *bind, *visibility;
	uint64_t value, size;
	unsigned char info, other;
	Elf64_Section shndx; /* sections are numbered from 1; 0: undefined */
	size_t index;        /* its index in the file, where local symbols come first */
	Elf64_Word name_off;
};

struct elf_relocation {
	const char *section, *type;
	uint64_t offset;
	size_t target,
		symbol;  /* the indexes of the section that it changes and of the symbol, from 0 */
	unsigned number; /* of its type */
};

/* The caller owns all memory, including the strings and tables that are added to the file. */
struct elf_file {
	struct elf_section *sections;
	struct elf_symbol *symbols;
	struct elf_relocation *relocations;
	size_t n_sections, n_symbols, n_relocations, n_local;
	char *strings; /* elf_strings_size() */
	size_t n_strings;
	Elf64_Sym *symtab;   /* one more than there are symbols */
	Elf64_Rel *rels;     /* one for each relocation */
	unsigned char order; /* ELFDATA2LSB or ELFDATA2MSB */
};

size_t elf_strings_size(const struct elf_file *file);

/* Writes it to the descriptor of an empty file. False if libelf fails; *WHY is its message then. */
bool elf_write(struct elf_file *file, int fd, const char **why);

#endif
