#include "check/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <unistd.h>

struct image {
	int fd;
	Elf *elf;
	size_t names; /* the section with the section names */
};

static void leave(struct image *image)
{
	if (image->elf)
		elf_end(image->elf);
	if (image->fd >= 0)
		close(image->fd);
}

static bool enter_image(struct image *image, const struct elf_source *source)
{
	image->fd = -1;
	image->elf = NULL;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return false;
	if (source->path) {
		image->fd = open(source->path, O_RDONLY | O_CLOEXEC);
		if (image->fd < 0)
			return false;
		image->elf = elf_begin(image->fd, ELF_C_READ_MMAP, NULL);
	} else { /* libelf only reads it */
		image->elf = elf_memory((char *)source->image, source->size);
	}
	if (image->elf && elf_kind(image->elf) == ELF_K_ELF &&
	    elf_getshdrstrndx(image->elf, &image->names) == 0)
		return true;
	leave(image);
	return false;
}

size_t elf_program_sections(const struct elf_source *source, char *buf, size_t size)
{
	struct image image;
	Elf_Scn *scn = NULL;
	size_t len, total = 0;
	const char *name;
	GElf_Shdr shdr;

	if (!enter_image(&image, source))
		return 0;
	while ((scn = elf_nextscn(image.elf, scn))) {
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_PROGBITS ||
		    !(shdr.sh_flags & SHF_EXECINSTR) || shdr.sh_size == 0)
			continue;
		name = elf_strptr(image.elf, image.names, shdr.sh_name);
		if (!name)
			continue;
		name += *name == '?'; /* to libbpf, SEC("?abc") is SEC("abc") with autoload off */
		len = strlen(name) + 1;
		if (len <= size && total <= size - len)
			memcpy(buf + total, name, len);
		total += len;
	}
	leave(&image);
	return total;
}

bool elf_each_section(const struct elf_source *source, const char *name, elf_section_fn *fn,
		      void *arg)
{
	struct image image;
	Elf_Scn *scn = NULL;
	const char *its_name;
	const Elf_Data *data;
	GElf_Shdr shdr;
	bool ok = true;

	if (!enter_image(&image, source))
		return true;
	while (ok && (scn = elf_nextscn(image.elf, scn))) {
		its_name = gelf_getshdr(scn, &shdr)
				   ? elf_strptr(image.elf, image.names, shdr.sh_name)
				   : NULL;
		if (!its_name || strcmp(its_name, name) != 0)
			continue;
		data = elf_rawdata(scn, NULL);
		if (data && data->d_buf)
			ok = fn(data->d_buf, data->d_size, arg);
	}
	leave(&image);
	return ok;
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
