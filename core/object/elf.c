#include "object/elf.h"

#include <libelf.h>
#include <string.h>

static const char symtab_name[] = ".symtab", strtab_name[] = ".strtab", rel_prefix[] = ".rel";

/* Names ----------------------------------------------------------------------------------- */

size_t elf_strings_size(const struct elf_file *file)
{
	size_t size = 1 + sizeof(symtab_name) + sizeof(strtab_name);

	for (size_t i = 0; i < file->n_sections; i++)
		size += sizeof(rel_prefix) + strlen(file->sections[i].name);
	for (size_t i = 0; i < file->n_symbols; i++)
		size += file->symbols[i].name ? strlen(file->symbols[i].name) + 1 : 0;
	return size;
}

/* Returns its offset. */
static Elf64_Word add_elf_string(struct elf_file *file, const char *text, size_t len)
{
	size_t at = file->n_strings;

	memcpy(file->strings + at, text, len);
	file->n_strings += len;
	return (Elf64_Word)at;
}

static void add_names(struct elf_file *file)
{
	file->n_strings = 0;
	add_elf_string(file, "", 1);
	for (size_t i = 0; i < file->n_sections; i++) {
		struct elf_section *s = &file->sections[i];

		s->rel_name_off = add_elf_string(file, rel_prefix, strlen(rel_prefix));
		s->name_off = add_elf_string(file, s->name, strlen(s->name) + 1);
	}
	for (size_t i = 0; i < file->n_symbols; i++) {
		struct elf_symbol *s = &file->symbols[i];

		s->name_off = s->name ? add_elf_string(file, s->name, strlen(s->name) + 1) : 0;
	}
}

/* Tables ---------------------------------------------------------------------------------- */

static void fill_symtab(struct elf_file *file)
{
	size_t local = 1, other = file->n_local + 1; /* symbol 0 is reserved */

	memset(file->symtab, 0, sizeof(*file->symtab));
	for (size_t i = 0; i < file->n_symbols; i++) {
		struct elf_symbol *s = &file->symbols[i];

		s->index = ELF64_ST_BIND(s->info) == STB_LOCAL ? local++ : other++;
		file->symtab[s->index] = (Elf64_Sym){.st_name = s->name_off,
						     .st_info = s->info,
						     .st_other = s->other,
						     .st_shndx = s->shndx,
						     .st_value = s->value,
						     .st_size = s->size};
	}
}

/* Writes the relocations of a section to RELS. */
static void fill_rels(const struct elf_file *file, size_t section, Elf64_Rel *rels)
{
	for (size_t i = 0; i < file->n_relocations; i++) {
		const struct elf_relocation *r = &file->relocations[i];

		if (r->target == section)
			*rels++ = (Elf64_Rel){
				r->offset, ELF64_R_INFO(file->symbols[r->symbol].index, r->number)};
	}
}

/* libelf ---------------------------------------------------------------------------------- */

struct contents {
	void *buf;
	size_t size;
	Elf_Type type;
};

/* Adds a section. Its offset is set here, the rest of the header is given. */
static bool add_section(Elf *elf, const Elf64_Shdr *header, const struct contents *contents)
{
	Elf_Scn *scn = elf_newscn(elf);
	Elf64_Shdr *shdr = scn ? elf64_getshdr(scn) : NULL;
	Elf_Data *data = shdr ? elf_newdata(scn) : NULL;

	if (!data)
		return false;
	*shdr = *header;
	data->d_buf = contents->buf;
	data->d_size = contents->size;
	data->d_type = contents->type;
	data->d_align = header->sh_addralign;
	data->d_version = EV_CURRENT;
	return true;
}

static Elf64_Xword flags_of(const char *letters)
{
	Elf64_Xword flags = 0;

	for (; letters && *letters; letters++)
		flags |= *letters == 'a' ? SHF_ALLOC : *letters == 'w' ? SHF_WRITE : SHF_EXECINSTR;
	return flags;
}

static bool add_own_sections(Elf *elf, const struct elf_file *file)
{
	for (size_t i = 0; i < file->n_sections; i++) {
		const struct elf_section *s = &file->sections[i];
		const Elf64_Shdr header = {
			.sh_name = s->name_off,
			.sh_type = s->data ? SHT_PROGBITS : SHT_NOBITS,
			.sh_flags = flags_of(s->flags),
			.sh_addralign = s->align ? s->align : 8,
		};
		const struct contents contents = {(char *)s->data, s->size, ELF_T_BYTE};

		if (!add_section(elf, &header, &contents)) /* libelf only reads the data */
			return false;
	}
	return true;
}

/* .strtab and .symtab come after the caller's sections, and then the relocations. */
static bool add_made_sections(Elf *elf, struct elf_file *file)
{
	const Elf64_Word strtab = (Elf64_Word)file->n_sections + 1, symtab = strtab + 1;
	const Elf64_Word strtab_off = add_elf_string(file, strtab_name, sizeof(strtab_name));
	const Elf64_Word symtab_off = add_elf_string(file, symtab_name, sizeof(symtab_name));
	const Elf64_Shdr strings = {
		.sh_name = strtab_off, .sh_type = SHT_STRTAB, .sh_addralign = 1};
	const Elf64_Shdr symbols = {.sh_name = symtab_off,
				    .sh_type = SHT_SYMTAB,
				    .sh_link = strtab,
				    .sh_info = (Elf64_Word)file->n_local + 1,
				    .sh_entsize = sizeof(Elf64_Sym),
				    .sh_addralign = 8};
	const struct contents text = {file->strings, file->n_strings, ELF_T_BYTE};
	const struct contents table = {file->symtab, (file->n_symbols + 1) * sizeof(Elf64_Sym),
				       ELF_T_SYM};
	Elf64_Rel *rels = file->rels;

	if (!add_section(elf, &strings, &text) || !add_section(elf, &symbols, &table))
		return false;
	for (size_t i = 0; i < file->n_sections; i++) {
		const struct elf_section *s = &file->sections[i];
		const Elf64_Shdr header = {.sh_name = s->rel_name_off,
					   .sh_type = SHT_REL,
					   .sh_link = symtab,
					   .sh_info = (Elf64_Word)i + 1,
					   .sh_entsize = sizeof(Elf64_Rel),
					   .sh_addralign = 8};
		const struct contents list = {rels, s->n_relocations * sizeof(Elf64_Rel),
					      ELF_T_REL};

		if (s->n_relocations == 0)
			continue;
		fill_rels(file, i, rels);
		if (!add_section(elf, &header, &list))
			return false;
		rels += s->n_relocations;
	}
	return true;
}

static bool write_with(Elf *elf, struct elf_file *file)
{
	Elf64_Ehdr *ehdr = elf64_newehdr(elf);

	if (!ehdr)
		return false;
	ehdr->e_ident[EI_DATA] = file->order;
	ehdr->e_type = ET_REL;
	ehdr->e_machine = EM_BPF;
	ehdr->e_version = EV_CURRENT;
	ehdr->e_shstrndx = (Elf64_Half)(file->n_sections + 1);
	add_names(file);
	fill_symtab(file);
	return add_own_sections(elf, file) && add_made_sections(elf, file) &&
	       elf_update(elf, ELF_C_WRITE) >= 0;
}

bool elf_write(struct elf_file *file, int fd, const char **why)
{
	Elf *elf;
	bool ok;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_WRITE, NULL);
	ok = elf && write_with(elf, file);
	if (!ok)
		*why = elf_errmsg(-1);
	if (elf)
		elf_end(elf);
	return ok;
}
