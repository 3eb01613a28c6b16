#include "event/ringmap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The page with the consumer's position, and the next one with the producer's. */
static size_t pages_size(void)
{
	return 2 * (size_t)sysconf(_SC_PAGESIZE);
}

struct ring_map *ring_map_new(int index)
{
	struct ring_map *m = calloc(1, sizeof(*m));

	if (m)
		*m = (struct ring_map){.map.fd = -1, .index = index, .refs = 1};
	return m;
}

int ring_map_open(struct ring_map *m, int fd)
{
	int err = endpoint_open(&m->map, fd, BPF_MAP_TYPE_RINGBUF);
	void *pages;

	if (err)
		return err;
	pages = mmap(NULL, pages_size(), PROT_READ, MAP_SHARED, m->map.fd, 0);
	if (pages == MAP_FAILED)
		return -errno;
	m->pages = pages;
	return 0;
}

void ring_map_unref(struct ring_map *m)
{
	if (--m->refs)
		return;
	eventtype_free(&m->type);
	free(m);
}

void ring_map_close(struct ring_map *m)
{
	if (m->pages)
		munmap((void *)m->pages, pages_size());
	m->pages = NULL;
	endpoint_close(&m->map);
	m->reader = NULL;
}

static unsigned long position(const struct ring_map *m, int page)
{
	const char *at = m->pages + (long)page * sysconf(_SC_PAGESIZE);

	return __atomic_load_n((const unsigned long *)at, __ATOMIC_ACQUIRE);
}

unsigned long ring_map_consumer_pos(const struct ring_map *m)
{
	return position(m, 0);
}

unsigned long ring_map_producer_pos(const struct ring_map *m)
{
	return position(m, 1);
}

size_t ring_map_waiting(const struct ring_map *m)
{
	unsigned long consumer = ring_map_consumer_pos(m);

	return ring_map_producer_pos(m) - consumer;
}
