#include "symbol/elffile.h"

#include "symbol/debuginfod.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEBUG_DIR "/usr/lib/debug"

void elffile_close(struct elffile *f)
{
	if (f->elf)
		elf_end(f->elf);
	close(f->fd);
}

static bool is_section(const struct elffile *f, const GElf_Shdr *header, const char *name)
{
	size_t names;
	const char *its_name;

	if (elf_getshdrstrndx(f->elf, &names))
		return false;
	its_name = elf_strptr(f->elf, names, header->sh_name);
	return its_name && strcmp(its_name, name) == 0;
}

static void read_build_id(struct elffile *f, Elf_Data *notes)
{
	size_t at = 0, name, desc;
	GElf_Nhdr note;

	while ((at = gelf_getnote(notes, at, &note, &name, &desc))) {
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof(ELF_NOTE_GNU) ||
		    note.n_descsz > ELFFILE_BUILD_ID_MAX ||
		    memcmp((char *)notes->d_buf + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) != 0)
			continue;
		f->id.size = note.n_descsz;
		memcpy(f->id.bytes, (char *)notes->d_buf + desc, note.n_descsz);
		return;
	}
}

/* The file's build id and the name of its debug file. */
static void read_identity(struct elffile *f)
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

/* Reads the file instead of mapping it: if a mapped file shrinks, an access raises SIGBUS. Another
 * process may have put a FIFO at the path: O_NONBLOCK does not wait for its writer.
 */
int elffile_open(struct elffile *f, const char *path)
{
	*f = (struct elffile){.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
	if (f->fd < 0)
		return errno;
	if (elf_version(EV_CURRENT) != EV_NONE)
		f->elf = elf_begin(f->fd, ELF_C_READ, NULL);
	if (!f->elf || elf_kind(f->elf) != ELF_K_ELF) {
		elffile_close(f);
		return ENOEXEC;
	}
	read_identity(f);
	return 0;
}

bool elffile_has_section(const struct elffile *f, const char *name)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(f->elf, section)))
		if (gelf_getshdr(section, &header) && header.sh_type != SHT_NOBITS &&
		    is_section(f, &header, name))
			return true;
	return false;
}

/* The segment that contains AT, which is an address or an offset in the file. */
static bool find_segment(const struct elffile *f, uint64_t at, bool is_address, GElf_Phdr *header)
{
	size_t n;

	if (elf_getphdrnum(f->elf, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t first;

		if (!gelf_getphdr(f->elf, (int)i, header) || header->p_type != PT_LOAD)
			continue;
		first = is_address ? header->p_vaddr : header->p_offset;
		if (at >= first && at - first < header->p_filesz)
			return true;
	}
	return false;
}

bool elffile_to_offset(const struct elffile *f, uint64_t *addr)
{
	GElf_Phdr header;

	if (!find_segment(f, *addr, true, &header))
		return false;
	*addr = *addr - header.p_vaddr + header.p_offset;
	return true;
}

bool elffile_to_address(const struct elffile *f, uint64_t *offset)
{
	GElf_Phdr header;

	if (!find_segment(f, *offset, false, &header))
		return false;
	*offset = *offset - header.p_offset + header.p_vaddr;
	return true;
}

/* Writes the I-th path at which gdb looks for the debug file of PATH; false if there are no more.
 */
static bool debug_place(const char *path, const struct elffile *f, int i, char *place, size_t size)
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

static bool belongs(const struct elffile *f, const struct elffile *main)
{
	return f->id.size == main->id.size && memcmp(f->id.bytes, main->id.bytes, f->id.size) == 0;
}

/* Opens the debug file that servers have of MAIN. */
static bool open_asked(const struct elffile *main, struct elffile *f)
{
	char *path = debuginfod_find(main->id.bytes, main->id.size);
	bool opened = path && elffile_open(f, path) == 0;

	free(path);
	if (opened && !belongs(f, main)) {
		elffile_close(f);
		opened = false;
	}
	return opened;
}

bool elffile_next_debug(const char *path, const struct elffile *main, int *i, struct elffile *f)
{
	char place[2 * PATH_MAX];

	if (!main->id.size || *i < 0)
		return false;
	while (debug_place(path, main, (*i)++, place, sizeof(place))) {
		if (elffile_open(f, place))
			continue;
		if (belongs(f, main))
			return true;
		elffile_close(f);
	}
	*i = -1; /* no more places */
	return main->asks && open_asked(main, f);
}
