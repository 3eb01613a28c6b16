/* Option `batch`: one call of the function for many events, with a list for each field. */
#ifndef LBPF_EVENT_COLUMNS_H
#define LBPF_EVENT_COLUMNS_H

#include "event/batch.h"

/* The most events of a call: lists of so many stay in the processor's caches until the function has
 * read them.
 */
#define COLUMNS_LONGEST 256

/* Calls what is at FN with as many events as there are of the first one's function, up to LIMIT:
 * with their number, and WIDTH lists, which the table of names at NAMES keeps and later calls fill
 * again. Returns how many events. *STOP: the function returned false.
 */
size_t columns_deliver(lua_State *L, struct batch *b, int names, int fn, int width, size_t limit,
		       bool *stop);

#endif
