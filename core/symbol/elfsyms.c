#include "symbol/elfsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEBUG_DIR "/usr/lib/debug"

struct file {
	int fd;
	Elf *elf;
	struct elfsyms_id id;
	char debuglink[NAME_MAX + 1]; /* empty: none */
};

static void leave_elfsyms(struct file *f)
{
	if (f->elf)
		elf_end(f->elf);
	close(f->fd);
}

static bool is_section(const struct file *f, const GElf_Shdr *header, const char *name)
{
	size_t names;
	const char *its_name;

	if (elf_getshdrstrndx(f->elf, &names))
		return false;
	its_name = elf_strptr(f->elf, names, header->sh_name);
	return its_name && strcmp(its_name, name) == 0;
}

static void read_build_id(struct file *f, Elf_Data *notes)
{
	size_t at = 0, name, desc;
	GElf_Nhdr note;

	while ((at = gelf_getnote(notes, at, &note, &name, &desc))) {
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof(ELF_NOTE_GNU) ||
		    note.n_descsz > ELFSYMS_BUILD_ID_MAX ||
		    memcmp((char *)notes->d_buf + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) != 0)
			continue;
		f->id.size = note.n_descsz;
		memcpy(f->id.bytes, (char *)notes->d_buf + desc, note.n_descsz);
		return;
	}
}

/* The file's build id and the name of its debug file. */
static void read_identity(struct file *f)
{
	Elf_Scn *section = NULL;
	Elf_Data *data;
	GElf_Shdr header;

	while ((section = elf_nextscn(f->elf, section))) {
		if (!gelf_getshdr(section, &header))
			continue;
		if (header.sh_type == SHT_NOTE && !f->id.size) {
			data = elf_getdata(section, NULL);
			if (data && data->d_buf)
				read_build_id(f, data);
		} else if (is_section(f, &header, ".gnu_debuglink")) {
			data = elf_getdata(section, NULL);
			if (data && data->d_buf && memchr(data->d_buf, '\0', data->d_size))
				snprintf(f->debuglink, sizeof(f->debuglink), "%s",
					 (char *)data->d_buf);
		}
	}
}

/* Reads the file instead of mapping it: if a mapped file shrinks, an access raises SIGBUS. */
static int enter(struct file *f, const char *path)
{
	*f = (struct file){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	if (f->fd < 0)
		return errno;
	if (elf_version(EV_CURRENT) != EV_NONE)
		f->elf = elf_begin(f->fd, ELF_C_READ, NULL);
	if (!f->elf || elf_kind(f->elf) != ELF_K_ELF) {
		leave_elfsyms(f);
		return ENOEXEC;
	}
	read_identity(f);
	return 0;
}

/* Converts a virtual address to an offset in the file; false if no segment contains it. */
static bool to_offset(const struct file *f, uint64_t *addr)
{
	size_t n;
	GElf_Phdr header;

	if (elf_getphdrnum(f->elf, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(f->elf, (int)i, &header) || header.p_type != PT_LOAD ||
		    *addr < header.p_vaddr || *addr - header.p_vaddr >= header.p_filesz)
			continue;
		*addr = *addr - header.p_vaddr + header.p_offset;
		return true;
	}
	return false;
}

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
static int add_table(struct file *from, Elf_Scn *section, const GElf_Shdr *header,
		     const struct file *main, struct symtab *t)
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
		s = (struct symbol){
			.addr = sym.st_value, .size = sym.st_size, .rank = rank_of(sym.st_info)};
		name = elf_strptr(from->elf, header->sh_link, sym.st_name);
		if (!name || !*name || !to_offset(main, &s.addr))
			continue;
		if (!symtab_add(t, s, name, NULL))
			return ENOMEM;
	}
	return 0;
}

/* Adds all tables of that type; sets *FOUND if there is one. */
static int add_symbol_tables(struct file *from, unsigned type, const struct file *main,
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

/* Adds the symbols of the debug file at PATH, if it exists and belongs to MAIN. */
static int add_debug_file(const char *path, const struct file *main, struct symtab *t, bool *found)
{
	struct file f;
	int err = 0;

	if (enter(&f, path))
		return 0;
	if (f.id.size == main->id.size && memcmp(f.id.bytes, main->id.bytes, f.id.size) == 0)
		err = add_symbol_tables(&f, SHT_SYMTAB, main, t, found);
	leave_elfsyms(&f);
	return err;
}

/* Writes the I-th path at which gdb looks for the debug file of PATH; false if there are no more.
 */
static bool debug_place(const char *path, const struct file *f, int i, char *place, size_t size)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) : 0, at;

	switch (*f->debuglink || i == 0 ? i : 4) {
	case 0:
		at = snprintf(place, size, DEBUG_DIR "/.build-id/%02x/", f->id.bytes[0]);
		for (size_t b = 1; b < f->id.size; b++)
			at += snprintf(place + at, size - (size_t)at, "%02x", f->id.bytes[b]);
		snprintf(place + at, size - (size_t)at, ".debug");
		return true;
	case 1:
		snprintf(place, size, "%.*s/%s", dir, path, f->debuglink);
		return true;
	case 2:
		snprintf(place, size, "%.*s/.debug/%s", dir, path, f->debuglink);
		return true;
	case 3:
		snprintf(place, size, DEBUG_DIR "%.*s/%s", dir, path, f->debuglink);
		return true;
	default:
		return false;
	}
}

/* Only a build id proves that a debug file belongs to MAIN. */
static int add_debug_symbols(const char *path, const struct file *main, struct symtab *t)
{
	char place[2 * PATH_MAX];
	bool found = false;
	int err = 0;

	for (int i = 0;
	     main->id.size && !found && !err && debug_place(path, main, i, place, sizeof(place));
	     i++)
		err = add_debug_file(place, main, t, &found);
	return err;
}

int elfsyms_read(const char *path, struct symtab *t, struct elfsyms_id *id)
{
	struct file f;
	bool whole = false, some = false;
	int err = enter(&f, path);

	if (err)
		return err;
	*id = f.id;
	err = add_symbol_tables(&f, SHT_SYMTAB, &f, t, &whole);
	if (!err && !whole)
		err = add_symbol_tables(&f, SHT_DYNSYM, &f, t, &some);
	if (!err && !whole)
		err = add_debug_symbols(path, &f, t);
	leave_elfsyms(&f);
	symtab_sort(t);
	return err;
}
