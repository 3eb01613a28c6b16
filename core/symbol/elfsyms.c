#include "symbol/elfsyms.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* The section of a symbol table's strings, if it is one. */
static bool find_strings(const struct elffile *f, const GElf_Shdr *symbols, GElf_Shdr *strings)
{
	struct stat file;

	return gelf_getshdr(elf_getscn(f->elf, symbols->sh_link), strings) &&
	       strings->sh_type == SHT_STRTAB && fstat(f->fd, &file) == 0 &&
	       strings->sh_offset <= (uint64_t)file.st_size &&
	       strings->sh_size <= (uint64_t)file.st_size - strings->sh_offset;
}

/* Reads a section into the strings of T, at *AT: libelf would keep another copy. Returns 0 or an
 * error number.
 */
static int read_strings(const struct elffile *f, const GElf_Shdr *section, struct symtab *t,
			uint32_t *at)
{
	size_t size = section->sh_size;
	char *text = symtab_reserve(t, size + 1, at);
	ssize_t n = text ? pread(f->fd, text, size, (off_t)section->sh_offset) : 0;

	if (!text)
		return ENOMEM;
	if (n < 0)
		return errno;
	memset(text + n, 0, size + 1 - (size_t)n);
	return 0;
}

/* Adds the functions of a symbol table in FROM. Their addresses refer to MAIN's segments. */
static int add_table(struct elffile *from, Elf_Scn *section, const GElf_Shdr *header,
		     const struct elffile *main, struct symtab *t)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
	GElf_Shdr strings;
	uint32_t names;
	GElf_Sym sym;
	int err;

	if (!n || !find_strings(from, header, &strings))
		return 0;
	err = symtab_expect(t, n, 0) ? read_strings(from, &strings, t, &names) : ENOMEM;
	for (size_t i = 0; !err && i < n && i <= INT_MAX; i++) {
		struct symbol s;

		if (!gelf_getsym(data, (int)i, &sym) || sym.st_shndx == SHN_UNDEF ||
		    (GELF_ST_TYPE(sym.st_info) != STT_FUNC &&
		     GELF_ST_TYPE(sym.st_info) != STT_GNU_IFUNC))
			continue;
		s = (struct symbol){.addr = sym.st_value,
				    .size = sym.st_size < UINT32_MAX ? (uint32_t)sym.st_size
								     : UINT32_MAX,
				    .name = names + sym.st_name,
				    .rank = rank_of(sym.st_info)};
		if (!sym.st_name || sym.st_name >= strings.sh_size ||
		    !elffile_to_offset(main, &s.addr))
			continue;
		if (!symtab_add(t, s))
			err = ENOMEM;
	}
	return err;
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
	if (!err && !symtab_sort(t))
		err = ENOMEM;
	return err;
}
