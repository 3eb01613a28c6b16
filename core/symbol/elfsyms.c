#include "symbol/elfsyms.h"

#include <errno.h>

static unsigned rank_of(unsigned char info)
{
	switch (GELF_ST_BIND(info)) {
	case STB_GLOBAL:
		return 0;
	case STB_WEAK:
		return 1;
	default:
		return 2;
	}
}

/* Adds the functions of a symbol table in FROM. Their addresses refer to MAIN's segments. */
static int add_table(struct elffile *from, Elf_Scn *section, const GElf_Shdr *header,
		     const struct elffile *main, struct symtab *t)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
	const char *name;
	GElf_Sym sym;

	for (size_t i = 0; i < n && i <= INT_MAX; i++) {
		struct symbol s;

		if (!gelf_getsym(data, (int)i, &sym) || sym.st_shndx == SHN_UNDEF ||
		    (GELF_ST_TYPE(sym.st_info) != STT_FUNC &&
		     GELF_ST_TYPE(sym.st_info) != STT_GNU_IFUNC))
			continue;
		s = (struct symbol){.addr = sym.st_value,
				    .size = sym.st_size < UINT32_MAX ? (uint32_t)sym.st_size
								     : UINT32_MAX,
				    .rank = rank_of(sym.st_info)};
		name = elf_strptr(from->elf, header->sh_link, sym.st_name);
		if (!name || !*name || !elffile_to_offset(main, &s.addr))
			continue;
		if (!symtab_add(t, s, name, NULL))
			return ENOMEM;
	}
	return 0;
}

/* Adds all tables of that type; sets *FOUND if there is one. */
static int add_symbol_tables(struct elffile *from, unsigned type, const struct elffile *main,
			     struct symtab *t, bool *found)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	int err = 0;

	while (!err && (section = elf_nextscn(from->elf, section))) {
		if (!gelf_getshdr(section, &header) || header.sh_type != type)
			continue;
		*found = true;
		err = add_table(from, section, &header, main, t);
	}
	return err;
}

static int add_debug_symbols(const char *path, const struct elffile *main, struct symtab *t)
{
	bool found = false;
	struct elffile f;
	int err = 0, i = 0;

	while (!found && !err && elffile_next_debug(path, main, &i, &f)) {
		err = add_symbol_tables(&f, SHT_SYMTAB, main, t, &found);
		elffile_close(&f);
	}
	return err;
}

int elfsyms_read(const char *path, bool asks, struct symtab *t, struct elffile_id *id)
{
	struct elffile f;
	bool whole = false, some = false;
	int err = elffile_open(&f, path);

	if (err)
		return err;
	*id = f.id;
	f.asks = asks;
	err = add_symbol_tables(&f, SHT_SYMTAB, &f, t, &whole);
	if (!err && !whole)
		err = add_symbol_tables(&f, SHT_DYNSYM, &f, t, &some);
	if (!err && !whole)
		err = add_debug_symbols(path, &f, t);
	elffile_close(&f);
	symtab_sort(t);
	return err;
}
