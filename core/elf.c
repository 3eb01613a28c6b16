#include "elf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <unistd.h>

static size_t sections(Elf *elf, char *buf, size_t size)
{
	Elf_Scn *scn = NULL;
	size_t names, len, total = 0;
	const char *name;
	GElf_Shdr shdr;

	if (elf_kind(elf) != ELF_K_ELF || elf_getshdrstrndx(elf, &names))
		return 0;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_PROGBITS ||
		    !(shdr.sh_flags & SHF_EXECINSTR) || shdr.sh_size == 0)
			continue;
		name = elf_strptr(elf, names, shdr.sh_name);
		if (!name)
			continue;
		name += *name == '?'; /* to libbpf, SEC("?abc") is SEC("abc") with autoload off */
		len = strlen(name) + 1;
		if (len <= size && total <= size - len)
			memcpy(buf + total, name, len);
		total += len;
	}
	return total;
}

size_t elf_program_sections(const struct elf_source *source, char *buf, size_t size)
{
	size_t total = 0;
	int fd = -1;
	Elf *elf;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return 0;
	if (source->path) {
		fd = open(source->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return 0;
		elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	} else {
		elf = elf_memory((char *)source->image, source->size); /* which only reads it */
	}
	if (elf) {
		total = sections(elf, buf, size);
		elf_end(elf);
	}
	if (fd >= 0)
		close(fd);
	return total;
}

int elf_read_error(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	char byte;

	if (fd < 0)
		return 0;
	if (pread(fd, &byte, 1, 0) < 0)
		err = errno;
	close(fd);
	return err;
}
