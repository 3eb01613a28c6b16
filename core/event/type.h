/* What the events of a buffer are for a script: bytes; values of a type; or of one of several,
 * which a function of the script's picks.
 */
#ifndef LBPF_EVENT_TYPE_H
#define LBPF_EVENT_TYPE_H

#include "btf/codec.h"
#include "event/batch.h"

struct eventtype {
	struct codec *codec; /* NULL: bytes, or one of several */
	size_t size;         /* the codec's, in bytes */
	struct btf *btf;     /* of several: where they are looked up; else NULL */
	struct codec_opts opts;
};

struct eventtype_opts {
	struct codec_opts codec; /* first: the fields' offsets are good for both */
};

/* Those options of a structure that starts with struct eventtype_opts. */
#define EVENTTYPE_FIELDS FIELD_BY_MODULE("type"), FIELD_BY_MODULE("btf"), CODEC_FIELDS

/* Fills T by the options that were read from the table at ARG, nil for none, and types of the
 * object whose map is at MAP_ARG. Pushes the table of names that goes with it. Raises what
 * is wrong.
 */
void eventtype_init(lua_State *L, struct eventtype *t, int arg, int map_arg,
		    const struct eventtype_opts *opts);
void eventtype_free(struct eventtype *t);

/* What is not one type's, or too short for it. */
int eventtype_push_other(lua_State *L, const struct eventtype *t, struct batch *b, int names,
			 const void *data, size_t size);

/* Pushes what an event of the batch is; returns how many values. Raises if it is shorter than its
 * type.
 */
static inline int eventtype_push(lua_State *L, const struct eventtype *t, struct batch *b,
				 int names, const void *data, size_t size)
{
	if (t->codec && size >= t->size)
		return codec_decode(L, t->codec, names, data);
	return eventtype_push_other(L, t, b, names, data, size);
}

#endif
