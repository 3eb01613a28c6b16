/* The memory of batches, and what was delivered of them. */
#include "event/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Copying stops when a batch has grown to this. */
#define FULL (256 << 10)

void batch_init(struct batch *b, const struct batch_kind *kind, struct batch_wait *wait)
{
	b->kind = kind;
	b->wait = wait;
	if (wait)
		wait->epoll = wait->wake = -1;
	b->cursor.fill = 1;
}

void batch_wait_close(struct batch_wait *wait)
{
	if (wait->epoll >= 0)
		close(wait->epoll);
	if (wait->wake >= 0)
		close(wait->wake);
	wait->epoll = wait->wake = -1;
}

void batch_empty(struct batch *b)
{
	if (b->cursor.reading == b->cursor.fill) {
		free(b->held);
		b->held = b->copies;
		b->copies = NULL;
		b->size = 0;
	}
	if (++b->cursor.fill == 0)
		b->cursor.fill = 1;
	b->cursor.used = b->cursor.next = b->counted = 0;
	b->cursor.size = -1;
	b->all = (struct batch_counters){0};
}

void batch_close(struct batch *b)
{
	if (b->wait)
		batch_wait_close(b->wait);
	batch_empty(b);
	free(b->copies);
	b->copies = NULL;
	b->cursor.bytes = NULL;
	b->size = 0;
	b->closed = true;
}

void batch_free(struct batch *b)
{
	batch_close(b);
	free(b->held);
	b->held = NULL;
}

/* Copying --------------------------------------------------------------------------------- */

static bool grow_memory(char **memory, size_t *size, size_t needed)
{
	size_t more = *size ? *size : 4096;
	char *bigger;

	while (more < needed)
		more *= 2;
	if (more == *size)
		return true;
	bigger = realloc(*memory, more);
	if (!bigger)
		return false;
	*memory = bigger;
	*size = more;
	return true;
}

void batch_copy(struct batch *b, __u32 flags, int cpu, const void *data, size_t size)
{
	size_t used = (size_t)b->cursor.used,
	       padded = sizeof(struct batch_record) + batch_padded(size);
	struct batch_record *r;

	if (!grow_memory(&b->copies, &b->size, used + padded)) {
		b->err = -ENOMEM;
		b->stopped = true;
		return;
	}
	b->cursor.bytes = b->copies;
	r = (struct batch_record *)(b->copies + used);
	*r = (struct batch_record){.size = (__u32)size | flags, .cpu = cpu};
	memcpy(r->data, data, size);
	if (!(flags & BATCH_NEWS))
		batch_add(&b->all, size);
	b->cursor.used += (int32_t)padded;
	b->stopped = --b->wanted == 0 || b->cursor.used >= FULL;
}

bool batch_keep(struct batch *b)
{
	size_t next = (size_t)b->cursor.next, used = (size_t)b->cursor.used;

	if (b->cursor.bytes == b->copies)
		return true;
	if (!grow_memory(&b->copies, &b->size, used))
		return false;
	memcpy(b->copies + next, b->cursor.bytes + next, used - next);
	b->cursor.bytes = b->copies;
	return true;
}

/* Counting -------------------------------------------------------------------------------- */

void batch_count(struct batch *b)
{
	struct batch_event e;

	if (b->counted == b->cursor.next)
		return;
	if (b->counted == 0 && b->cursor.next == b->cursor.used) {
		b->delivered->events += b->all.events;
		b->delivered->bytes += b->all.bytes;
		b->counted = b->cursor.next;
	}
	while (b->counted < b->cursor.next) {
		int32_t end = batch_read(b, b->counted, &e);

		if (!end || end > b->cursor.next)
			break;
		if (!e.is_news)
			batch_add(b->delivered, e.size);
		b->counted = end;
	}
	b->counted = b->cursor.next;
}

/* The memory of the events before the cursor is no longer read. */
static void release_events(struct batch *b)
{
	if (b->kind->release && b->cursor.next > 0)
		b->kind->release(b);
}

void batch_settle(struct batch *b)
{
	batch_count(b);
	release_events(b);
}

void batch_consume(struct batch *b, size_t size, int32_t end)
{
	batch_add(b->delivered, size);
	b->cursor.next = b->counted = end;
	release_events(b);
}

size_t batch_waiting(const struct batch *b, size_t header)
{
	struct batch_event e;
	size_t bytes = 0;

	for (int32_t place = b->cursor.next; (place = batch_read(b, place, &e));)
		if (!e.is_news)
			bytes += batch_padded(header + e.size);
	return bytes;
}

void batch_push_stats(lua_State *L, const struct batch_counters *delivered, size_t waiting)
{
	lua_newtable(L);
	lua_pushinteger(L, (lua_Integer)delivered->events);
	lua_setfield(L, -2, "events");
	lua_pushinteger(L, (lua_Integer)delivered->bytes);
	lua_setfield(L, -2, "bytes");
	lua_pushinteger(L, (lua_Integer)waiting);
	lua_setfield(L, -2, "waiting");
}
