#include "event/perfmem.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static int count(const struct perfmem *m)
{
	return (int)perf_buffer__buffer_cnt(m->pb);
}

void *perfmem_at(const struct perfmem *m, int index, size_t *size)
{
	void *base = NULL;

	perf_buffer__buffer(m->pb, index, &base, size); /* counts the records' part */
	*size += (size_t)sysconf(_SC_PAGESIZE);
	return base;
}

/* After a fork the kernel leaves a hole where the memory is mapped. It is kept reserved: this
 * process may come to own the perf buffer, and libbpf will unmap that place in any case.
 */
static void on_fork(struct process_hook *h)
{
	struct perfmem *m = (struct perfmem *)h;

	for (int i = 0, n = count(m); i < n; i++) {
		size_t size;
		void *base = perfmem_at(m, i, &size);

		mmap(base, size, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	}
}

void perfmem_own(struct perfmem *m, struct perf_buffer *pb, int map)
{
	*m = (struct perfmem){.hook.on_fork = on_fork, .pb = pb, .map = map};
	m->maker = m->mapper = process_self();
	process_hook_join(&m->hook);
}

static void map_again(lua_State *L, struct perfmem *m)
{
	for (int i = 0, n = count(m); i < n; i++) {
		int fd = perf_buffer__buffer_fd(m->pb, (size_t)i), err;
		size_t size;
		void *base = perfmem_at(m, i, &size);

		if (mmap(base, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) !=
		    MAP_FAILED)
			continue;
		err = errno;
		on_fork(&m->hook);
		luaL_error(L, "the perf buffer cannot be mapped in process %d: %s", (int)getpid(),
			   strerror(err));
	}
	m->mapper = process_self();
}

void perfmem_check(lua_State *L, struct perfmem *m)
{
	process_check(L, m->maker, "the perf buffer", NULL);
	if (m->mapper != process_self())
		map_again(L, m);
}

/* Takes from libbpf the descriptors with which it would empty the map and disable the events. */
static bool disarm(const struct perfmem *m)
{
	int harmless = eventfd(0, EFD_CLOEXEC);

	if (harmless < 0)
		return false;
	dup3(harmless, m->map, O_CLOEXEC);
	for (int i = 0, n = count(m); i < n; i++)
		dup3(harmless, perf_buffer__buffer_fd(m->pb, (size_t)i), O_CLOEXEC);
	close(harmless);
	return true;
}

void perfmem_free(struct perfmem *m)
{
	if (!m->pb)
		return;
	process_hook_leave(&m->hook);
	if (process_owns(m->maker) || disarm(m))
		perf_buffer__free(m->pb);
	m->pb = NULL;
}
