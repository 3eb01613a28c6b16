/* The map behind a ring of a ring buffer. Positions are read from the map's own pages, because
 * libbpf before 1.3 has no functions for them.
 */
#ifndef LBPF_EVENT_RINGMAP_H
#define LBPF_EVENT_RINGMAP_H

#include "event/batch.h"
#include "event/endpoint.h"
#include "event/type.h"
#include <stdint.h>

/* Referenced by the ring buffer and by handles. */
struct ring_map {
	void *reader; /* its ring buffer; NULL once that is closed */
	struct endpoint map;
	const char *pages;
	int index; /* libbpf's index, from 0 */
	unsigned refs;
	struct eventtype type;
	char counter[64]; /* the object's variable that counts lost events; "": none */
	struct batch_counters delivered;
};

/* NULL if there is not enough memory. */
struct ring_map *ring_map_new(int index);

/* Opens the map that FD refers to. Returns 0 or -errno, as endpoint_open(). */
int ring_map_open(struct ring_map *m, int fd);
void ring_map_close(struct ring_map *m);

/* The type is freed here: a finalizer may close the ring buffer while an event is decoded. */
void ring_map_unref(struct ring_map *m);

/* How many bytes are in the ring, including headers. */
size_t ring_map_waiting(const struct ring_map *m);

/* How many bytes were read, and written, since the map was created. */
unsigned long ring_map_consumer_pos(const struct ring_map *m);
unsigned long ring_map_producer_pos(const struct ring_map *m);

#endif
