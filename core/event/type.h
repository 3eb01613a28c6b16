/* How a script sees a buffer's events: as bytes, as values of a type, or as values of one of
 * several types that the script's function selects.
 */
#ifndef LBPF_EVENT_TYPE_H
#define LBPF_EVENT_TYPE_H

#include "btf/codec.h"
#include "btf/layout.h"
#include "event/aggregate.h"
#include "event/batch.h"

struct eventtype {
	struct codec *codec; /* NULL: bytes, or one of several */
	size_t least;        /* what the type needs, in bytes */
	struct btf *btf;     /* for several types: where they are looked up; else NULL */
	struct codec_opts opts;
	struct aggregate *
		*aggregates; /* which add up the events; NULL: none, and a NULL ends the list */
	bool reuse;  /* a table is filled again for each event; the names of its codec have it */
	int members; /* how many values Lua code makes the table of: maker_wrap() has replaced the
		      * function; 0: C makes it */
	int columns; /* how many lists a function gets for many events; 0: it gets each event */
};

struct eventtype_opts {
	struct codec_opts codec; /* first, so that the offsets of its fields are valid here */
	bool reuse, batch;
};

/* Options of a structure that starts with struct eventtype_opts. */
#define EVENTTYPE_FIELDS                                                                           \
	FIELD_BY_MODULE("type"), LAYOUT_FIELDS, CODEC_FIELDS,                                      \
		FIELD(struct eventtype_opts, reuse, FIELD_BOOL),                                   \
		FIELD(struct eventtype_opts, batch, FIELD_BOOL)

/* Initialises T from the options read from the table at ARG (nil: none), with types of the object
 * whose map is at MAP_ARG, for what is at FN: a function, an aggregate or a list of them, or nil;
 * 0: none of these. Pushes the table of names that belongs to it. Raises if one of these is
 * invalid.
 */
void eventtype_init(lua_State *L, struct eventtype *t, int arg, int map_arg, int fn,
		    const struct eventtype_opts *opts);
void eventtype_free(struct eventtype *t);

/* For the callback: adds an event to the aggregates. False if there are none, or if it is too short
 * for its type.
 */
static inline bool eventtype_aggregate(const struct eventtype *t, const void *data, size_t size)
{
	if (!t->aggregates || size < t->least)
		return false;
	for (struct aggregate **a = t->aggregates; *a; a++)
		aggregate_add(*a, data, size);
	return true;
}

/* How many lists an event of this size is written into; 0: none, or it is too short for them. */
static inline int eventtype_columns(const struct eventtype *t, size_t size)
{
	return size >= t->least ? t->columns : 0;
}

/* Pushes an event of several types, one that is too short for its type, or one that fills a table
 * again.
 */
int eventtype_push_other(lua_State *L, const struct eventtype *t, struct batch *b,
			 const struct batch_places *at, const void *data, size_t size);

/* Pushes the values of an event of the batch; returns how many. Raises if it is shorter than its
 * type.
 */
static inline int eventtype_push(lua_State *L, const struct eventtype *t, struct batch *b,
				 const struct batch_places *at, const void *data, size_t size)
{
	if (!t->codec || size < t->least)
		return eventtype_push_other(L, t, b, at, data, size);
	if (t->members && at->for_maker)
		return codec_push_members(L, t->codec, at->names, at->again, data, size);
	if (t->reuse && at->again)
		return eventtype_push_other(L, t, b, at, data, size);
	return codec_decode(L, t->codec, at->names, data, size);
}

/* Puts Lua code that makes the events' tables in place of FUNCTION in the table of functions on
 * top, if there is such code; FORM as for maker_wrap().
 */
void eventtype_wrap(lua_State *L, struct eventtype *t, int function, const char *form);

/* The same for the function on top, which pulls events: see struct batch_kind. */
bool eventtype_wrap_next(lua_State *L, const struct eventtype *t, const struct batch_places *at,
			 int slow, const char *form);

#endif
