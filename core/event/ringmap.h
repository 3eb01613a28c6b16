/* The map behind a ring of a ring buffer. Its positions are read from the map's own pages, for
 * libbpf before 1.3 does not tell them.
 */
#ifndef LBPF_EVENT_RINGMAP_H
#define LBPF_EVENT_RINGMAP_H

#include "event/batch.h"
#include "event/endpoint.h"
#include "event/type.h"
#include <stdint.h>

/* Lives as long as its ring buffer or a handle does. */
struct ring_map {
	void *reader; /* whose ring it is; NULL once that is closed */
	struct endpoint map;
	const char *pages;
	int index; /* as libbpf counts, from 0 */
	unsigned refs;
	struct eventtype type;
	char counter[64]; /* the variable of its object with the events that were lost; "": none */
	struct batch_counters delivered;
};

/* NULL without memory. */
struct ring_map *ring_map_new(int index);

/* Opens the map that FD refers to. 0, or -errno: as endpoint_open(). */
int ring_map_open(struct ring_map *m, int fd);
void ring_map_close(struct ring_map *m);

/* Its type stays until then: a finalizer may close the ring buffer while an event is decoded. */
void ring_map_unref(struct ring_map *m);

/* Bytes in the ring, headers included. */
size_t ring_map_waiting(const struct ring_map *m);

/* How many bytes were read, and written, since the map exists. */
unsigned long ring_map_consumer_pos(const struct ring_map *m);
unsigned long ring_map_producer_pos(const struct ring_map *m);

#endif
