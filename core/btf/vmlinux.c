#include "btf/vmlinux.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Since Linux 6.16 the file can be mapped. libbpf reads it into memory, which it then copies: that
 * is 5 MB more at the peak, and two thirds of the time.
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

struct btf *vmlinux_load(void)
{
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	struct btf *btf = NULL;

	if (fd >= 0) {
		btf = load_mapped(fd);
		close(fd);
	}
	return btf ? btf : btf__load_vmlinux_btf();
}
