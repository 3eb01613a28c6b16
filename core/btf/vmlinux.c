#include "btf/vmlinux.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define VMLINUX "/sys/kernel/btf/vmlinux"

/* Since Linux 6.16 the file can be mapped. libbpf 1.6 does so; older ones read it into memory,
 * which they then copy: that is 5 MB more at the peak, and two thirds of the time.
 */
static struct btf *load_mapped(int fd)
{
	struct stat st;
	struct btf *btf;
	void *data;

	if (fstat(fd, &st) || st.st_size <= 0 || st.st_size > INT32_MAX)
		return NULL;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return NULL;
	btf = btf__new(data, (uint32_t)st.st_size);
	munmap(data, (size_t)st.st_size);
	return btf;
}

static bool is_of_sysfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == SYSFS_MAGIC;
}

struct btf *vmlinux_load(bool *is_sound)
{
	int fd = open(VMLINUX, O_RDONLY | O_CLOEXEC);
	struct btf *btf = NULL;

	*is_sound = false;
	if (fd < 0)
		return btf__load_vmlinux_btf(); /* which also looks in /boot */
	*is_sound = is_of_sysfs(fd);
	if (*is_sound && libbpf_major_version() == 1 && libbpf_minor_version() < 6)
		btf = load_mapped(fd);
	close(fd);
	if (btf)
		return btf;
	/* A file that is mounted over it may change: it is read, and not mapped. */
	return *is_sound ? btf__load_vmlinux_btf() : btf__parse(VMLINUX, NULL);
}
