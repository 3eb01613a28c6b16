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

/* The records that are complete. Those before FIRST need not be kept. */
struct scan {
	const char *ring;
	unsigned long available, at, first;
	unsigned long step; /* to the next record, as the header says */
	__u32 header;       /* of the record before `at` */
	unsigned kinds;     /* how often the header was another than before */
	bool is_garbage;
};

static struct scan begin_scan(const struct ring_map *m, unsigned long start)
{
	unsigned long available = ring_map_producer_pos(m) - start;

	return (struct scan){.ring = ring_at(m, start),
			     .available = available,
			     .header = BPF_RINGBUF_BUSY_BIT,
			     .is_garbage = available > m->map.max_entries};
}

/* Moves behind the next record. False if there is none that is complete. */
static inline bool next_record(struct scan *s)
{
	__u32 header;

	if (s->is_garbage || s->at >= s->available)
		return false;
	header = __atomic_load_n((const __u32 *)(s->ring + s->at), __ATOMIC_ACQUIRE);
	/* Most are alike: then the next one's place does not wait for this one's header. */
	if (header != s->header) {
		if (header & BPF_RINGBUF_BUSY_BIT)
			return false;
		s->step = BPF_RINGBUF_HDR_SZ + batch_padded(header & ~BPF_RINGBUF_DISCARD_BIT);
		s->header = header;
		s->kinds++;
	}
	s->is_garbage = s->step > s->available - s->at;
	if (s->is_garbage)
		return false;
	s->at += s->step;
	return true;
}

static void find_events(struct scan *s, struct batch *b, size_t wanted, unsigned long longest)
{
	while (s->at - s->first < longest && b->all.events < wanted && next_record(s)) {
		if (!(s->header & BPF_RINGBUF_DISCARD_BIT))
			batch_add(&b->all, s->header);
		else if (b->all.events == 0)
			s->first = s->at;
	}
}

/* Adds events to the aggregates. One that is too short for these is the batch's: it raises when it
 * is delivered.
 */
static void pass_events(struct scan *s, const struct eventtype *t, struct batch *b, size_t wanted,
			unsigned long longest)
{
	while (s->first < longest && b->passed.events < wanted && next_record(s)) {
		if (s->header & BPF_RINGBUF_DISCARD_BIT) {
			s->first = s->at;
		} else if (eventtype_aggregate(t, s->ring + s->first + BPF_RINGBUF_HDR_SZ,
					       s->header)) {
			batch_add(&b->passed, s->header);
			s->first = s->at;
		} else {
			batch_add(&b->all, s->header);
			return;
		}
	}
}

int ring_map_read(struct ring_map *m, struct batch *b, size_t wanted)
{
	unsigned long longest = m->map.max_entries / 2 < LONGEST ? m->map.max_entries / 2 : LONGEST;
	unsigned long start = ring_map_consumer_pos(m);
	struct scan s = begin_scan(m, start);

	if (m->type.aggregates)
		pass_events(&s, &m->type, b, wanted, longest);
	else
		find_events(&s, b, wanted, longest);
	if (s.is_garbage && b->all.events + b->passed.events == 0)
		return -EBADMSG;
	m->position = start;
	m->start = start + s.first;
	ring_map_release(m, 0);
	b->cursor.bytes = s.ring + s.first;
	b->cursor.used = (int32_t)(s.at - s.first);
	b->cursor.size = s.kinds == 1 ? (int32_t)s.header : -1;
	return 0;
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
