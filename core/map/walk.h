/* A walk over all elements of a map: in batches where the kernel can, else from key to key. */
#ifndef LBPF_MAP_WALK_H
#define LBPF_MAP_WALK_H

#include "map/codec.h"
#include <bpf/bpf.h>

typedef int mapwalk_read(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts);

struct mapwalk {
	char *keys, *values; /* from here to STEPPING known to lua/lbpf/jit/maps.lua as well */
	uint32_t n, at;      /* how many there are; the next to be looked at */
	int32_t stepping;    /* or failed at it */
	struct mapcodec m;   /* with a descriptor of the walk's own */
	size_t value_size;
	mapwalk_read *read; /* NULL: from key to key */
	struct bpf_map_batch_opts opts;
	size_t token_size;
	char *token, *next; /* where the kernel is in the map: the last one, and room for another */
	bool started;
	bool repeats;   /* the walk starts anew when somebody deletes the key that it stands on */
	unsigned again; /* how many keys came again for that reason */
	uint32_t room, room_max; /* of keys and values, in elements */
	bool ended;              /* there is nothing after them */
	int err;                 /* there is, but the kernel refused: negative */
	int idle;
};

/* Pushes a walk over the map M, whose values are read with ELEM_FLAGS, at most ROOM at a time (0:
 * as many as is good).
 */
struct mapwalk *mapwalk_push(lua_State *L, const struct mapcodec *m, mapwalk_read *read,
			     uint64_t elem_flags, uint32_t room);

/* Reads more elements, at most so many (0: as there is room for; a hash gives whole buckets). 0; or
 * -errno, -ENOSPC if AT_MOST is too few for the kernel.
 */
int mapwalk_fill(struct mapwalk *w, uint32_t at_most);

/* Is the walk, on top of the stack, at this key for the first time? */
bool mapwalk_is_new(lua_State *L, struct mapwalk *w, const char *key);

static inline const char *mapwalk_key(const struct mapwalk *w, uint32_t i)
{
	return w->keys + (size_t)i * w->m.map.key_size;
}

static inline const char *mapwalk_value(const struct mapwalk *w, uint32_t i)
{
	return w->values + (size_t)i * w->value_size;
}

/* May a call that was refused so succeed the next time? */
bool mapwalk_is_worth_another_try(int err);

/* Is it that this kernel, or maps of this type, have no batches? */
bool mapwalk_has_no_batches(int err);

/* How many entries of ASKED a call has dealt with. The kernel sets COUNT unless it refuses the call
 * as such; after EFAULT it means nothing.
 */
uint32_t mapwalk_done(int err, uint32_t asked, uint32_t count);

/* How often the kernel may ask to try again before anything comes of it. */
#define MAPWALK_TRIES 16

/* Takes the function on top, which makes code that steps over a map's elements. It gets the map,
 * the walk and the function that steps already, and returns one that calls it for what it does not
 * do itself; or nil.
 */
void mapwalk_set_compiler(lua_State *L);

void mapwalk_open(lua_State *L);

#endif
