#include "btf/vmlinux.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

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

/* Another file may be mounted over it. */
static bool is_of_sysfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == SYSFS_MAGIC;
}

struct btf *vmlinux_load(bool *is_sound)
{
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	struct btf *btf = NULL;

	*is_sound = false;
	if (fd >= 0) {
		if (libbpf_major_version() == 1 && libbpf_minor_version() < 6)
			btf = load_mapped(fd);
		*is_sound = is_of_sysfs(fd); /* libbpf takes this file, too, if there is one */
		close(fd);
	}
	return btf ? btf : btf__load_vmlinux_btf();
}
