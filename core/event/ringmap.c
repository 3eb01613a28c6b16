#include "event/ringmap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* One call of ring_map_read() finds no more than this, nor more than half of the ring: the
 * producer needs the memory, and the processor's first cache has what was found when it is read.
 */
#define LONGEST (16 << 10)

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

struct ring_map *ring_map_new(int index)
{
	struct ring_map *m = calloc(1, sizeof(*m));

	if (m)
		*m = (struct ring_map){.map.fd = -1, .index = index, .refs = 1};
	return m;
}

/* The page with the producer's position, and twice the ring. */
static size_t producer_size(const struct ring_map *m)
{
	return page_size() + 2 * (size_t)m->map.max_entries;
}

static void *map_pages(const struct ring_map *m, size_t size, int protection, size_t offset)
{
	void *pages = mmap(NULL, size, protection, MAP_SHARED, m->map.fd, (off_t)offset);

	return pages == MAP_FAILED ? NULL : pages;
}

int ring_map_open(struct ring_map *m, int fd)
{
	int err = endpoint_open(&m->map, fd, BPF_MAP_TYPE_RINGBUF);

	if (err)
		return err;
	m->consumer = map_pages(m, page_size(), PROT_READ | PROT_WRITE, 0);
	if (m->consumer)
		m->producer = map_pages(m, producer_size(m), PROT_READ, page_size());
	if (!m->producer)
		return -errno;
	m->data = m->producer + page_size();
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
	if (m->consumer)
		munmap(m->consumer, page_size());
	if (m->producer)
		munmap((void *)m->producer, producer_size(m));
	m->consumer = NULL;
	m->producer = NULL;
	endpoint_close(&m->map);
	m->reader = NULL;
}

unsigned long ring_map_consumer_pos(const struct ring_map *m)
{
	return __atomic_load_n(m->consumer, __ATOMIC_ACQUIRE);
}

unsigned long ring_map_producer_pos(const struct ring_map *m)
{
	return __atomic_load_n((const unsigned long *)m->producer, __ATOMIC_ACQUIRE);
}

static const char *ring_at(const struct ring_map *m, unsigned long position)
{
	return m->data + (position & (m->map.max_entries - 1));
}

int ring_map_read(struct ring_map *m, size_t wanted, const char **bytes,
		  struct batch_counters *found)
{
	unsigned long longest = m->map.max_entries / 2 < LONGEST ? m->map.max_entries / 2 : LONGEST;
	unsigned long start = ring_map_consumer_pos(m);
	unsigned long available = ring_map_producer_pos(m) - start, first = 0, at = 0;
	const char *ring = ring_at(m, start);
	bool is_garbage = available > m->map.max_entries;

	while (!is_garbage && at < available && at - first < longest && found->events < wanted) {
		__u32 header = __atomic_load_n((const __u32 *)(ring + at), __ATOMIC_ACQUIRE);
		__u32 size = header & ~BPF_RINGBUF_DISCARD_BIT;

		if (header & BPF_RINGBUF_BUSY_BIT)
			break;
		is_garbage = BPF_RINGBUF_HDR_SZ + batch_padded(size) > available - at;
		if (is_garbage)
			break;
		at += BPF_RINGBUF_HDR_SZ + batch_padded(size);
		if (!(header & BPF_RINGBUF_DISCARD_BIT))
			batch_add(found, size);
		else if (found->events == 0)
			first = at;
	}
	if (is_garbage && found->events == 0)
		return -EBADMSG;
	m->position = start;
	m->start = start + first;
	ring_map_release(m, 0);
	*bytes = ring + first;
	return (int)(at - first);
}

void ring_map_release(struct ring_map *m, int32_t size)
{
	/* another process may have read it meanwhile: a child's after a fork, for example */
	if (ring_map_consumer_pos(m) != m->position)
		return;
	m->position = m->start + (unsigned long)size;
	__atomic_store_n(m->consumer, m->position, __ATOMIC_RELEASE);
}

size_t ring_map_waiting(const struct ring_map *m)
{
	unsigned long consumer = ring_map_consumer_pos(m);

	return ring_map_producer_pos(m) - consumer;
}
