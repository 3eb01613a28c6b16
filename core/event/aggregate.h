/* Aggregates: consumers that count events, and add up their fields, in libbpf's callback. */
#ifndef LBPF_EVENT_AGGREGATE_H
#define LBPF_EVENT_AGGREGATE_H

#include "btf/codec.h"

struct aggregate;

/* The aggregate of the handle at IDX; NULL if it is something else. */
struct aggregate *aggregate_test(lua_State *L, int idx);

struct aggregate *aggregate_ref(struct aggregate *a);
void aggregate_unref(struct aggregate *a);

/* Does it use fields of events? If not, every event will do. */
bool aggregate_has_fields(const struct aggregate *a);

/* Finds the fields of the aggregate at IDX in events of TYPE, with the options OPTS, whose table
 * gets an option `fields`. Returns the codec of these fields, which the aggregate keeps. Raises if
 * it cannot use them, or if it uses others already.
 */
struct codec *aggregate_bind(lua_State *L, int idx, const struct btf *btf, struct owner *owner,
			     uint32_t type, const struct codec_opts *opts);

/* Adds an event, which has at least codec_least() bytes. Calls no Lua. */
void aggregate_add(struct aggregate *a, const char *data, size_t size);

void aggregate_open(lua_State *L);

#endif
