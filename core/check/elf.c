#include "check/elf.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool elf_enter(struct elf_image *image, const struct elf_source *source)
{
	image->elf = NULL;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return false;
	image->elf = elf_memory((char *)source->image, source->size); /* libelf only reads it */
	if (image->elf && elf_kind(image->elf) == ELF_K_ELF &&
	    elf_getshdrstrndx(image->elf, &image->names) == 0)
		return true;
	elf_end(image->elf);
	return false;
}

size_t elf_program_sections(const struct elf_source *source, char *buf, size_t size)
{
	struct elf_image image;
	Elf_Scn *scn = NULL;
	size_t len, total = 0;
	const char *name;
	GElf_Shdr shdr;

	if (!elf_enter(&image, source))
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
	elf_end(image.elf);
	return total;
}

bool elf_each_section(const struct elf_source *source, const char *name, elf_section_fn *fn,
		      void *arg)
{
	struct elf_image image;
	Elf_Scn *scn = NULL;
	const char *its_name;
	const Elf_Data *data;
	GElf_Shdr shdr;
	bool ok = true;

	if (!elf_enter(&image, source))
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
	elf_end(image.elf);
	return ok;
}

/* Reading --------------------------------------------------------------------------------- */

int elf_push_fd(lua_State *L, int fd, struct elf_source *source)
{
	struct stat file;
	size_t size = 0;
	char *bytes;
	ssize_t n;

	if (fstat(fd, &file))
		return errno;
	if (!S_ISREG(file.st_mode))
		return S_ISDIR(file.st_mode) ? EISDIR : EINVAL;
	bytes = compat_newuserdata(L, (size_t)file.st_size + 1);
	while (size < (size_t)file.st_size) {
		n = pread(fd, bytes + size, (size_t)file.st_size - size, (off_t)size);
		if (n < 0 && errno != EINTR)
			return errno;
		if (n == 0)
			break;
		size += n > 0 ? (size_t)n : 0;
	}
	*source = (struct elf_source){bytes, size};
	return 0;
}

int elf_push_file(lua_State *L, const char *path, struct elf_source *source)
{
	struct fd *fd = fd_push(L);
	int number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;

	if (number < 0)
		return errno;
	fd_own(fd, number); /* the code below may raise */
	err = elf_push_fd(L, number, source);
	fd_disown(fd);
	close(number);
	if (!err)
		lua_remove(L, -2);
	return err;
}
