/* The map behind a ring of a ring buffer, and the ring's memory. Events are read where they lie:
 * libbpf's callback has an event only until it returns.
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
	unsigned long *consumer; /* the page with the consumer's position */
	const char *producer;    /* the page with the producer's */
	const char *data;       /* the ring, which is mapped twice: each record lies in one piece */
	unsigned long start;    /* of the events that were found last */
	unsigned long position; /* the consumer's, as far as we know */
	int index;              /* in its ring buffer, from 0 */
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

/* Finds up to WANTED events that are ready; if there are many, the first part of them. They are the
 * empty batch B's, or were added to the map's aggregates, up to one that is too short for these.
 * What was discarded or added before the batch's is released. Returns 0; -EBADMSG if another
 * consumer reads this ring, so that it is garbage.
 */
int ring_map_read(struct ring_map *m, struct batch *b, size_t wanted);

/* Gives the memory of the batch's first SIZE bytes to the producer. */
void ring_map_release(struct ring_map *m, int32_t size);

/* How many bytes were read, and written, since the map was created. */
unsigned long ring_map_consumer_pos(const struct ring_map *m);
unsigned long ring_map_producer_pos(const struct ring_map *m);

#endif
