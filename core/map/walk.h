/* A walk over all elements of a map: in batches if the kernel supports it, else from key to key. */
#ifndef LBPF_MAP_WALK_H
#define LBPF_MAP_WALK_H

#include "map/codec.h"
#include <bpf/bpf.h>

typedef int mapwalk_read(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts);

struct mapwalk {
	char *keys, *values; /* lua/lbpf/jit/layout.lua declares these up to STEPPING as well */
	struct codec_check *key_checks, *value_checks; /* set by compiled code; NULL: none */
	uint32_t n, at;    /* how many elements were read; the index of the next one */
	int32_t stepping;  /* set while an element is decoded, and after that failed */
	struct mapcodec m; /* with a descriptor of the walk's own */
	size_t value_size;
	mapwalk_read *read; /* NULL: from key to key */
	struct bpf_map_batch_opts opts;
	size_t token_size;
	char *token, *next; /* the kernel's position in the map, and memory for the next one */
	bool started;
	bool repeats;                    /* the walk restarts if the current key is deleted */
	unsigned again;                  /* how many keys were returned again for that reason */
	uint32_t capacity, capacity_max; /* the size of keys and values, in elements */
	bool ended;                      /* there is nothing after them */
	int err;                         /* there is more, but the kernel refused: negative */
	int idle;
};

/* Pushes a walk over the map M, whose values are read with ELEM_FLAGS, at most ROOM per call (0: a
 * suitable number).
 */
struct mapwalk *mapwalk_push(lua_State *L, const struct mapcodec *m, mapwalk_read *read,
			     uint64_t elem_flags, uint32_t capacity);

/* Reads more elements, at most AT_MOST (0: as many as fit; a hash returns whole buckets). Returns 0
 * or -errno; -ENOSPC if AT_MOST is too small for the kernel.
 */
int mapwalk_fill(struct mapwalk *w, uint32_t at_most);

/* Is this the first time that the walk, on top of the stack, returns this key? */
bool mapwalk_is_new(lua_State *L, struct mapwalk *w, const char *key);

/* Nobody will ask for more: a script may walk often before there is garbage enough to collect. What
 * compiled code may look at yet is a walk that has no elements.
 */
void mapwalk_end(struct mapwalk *w);

/* In batches of these maps the kernel goes bucket by bucket, which deletions do not disturb. */
bool mapwalk_has_buckets(uint32_t type);

static inline const char *mapwalk_key(const struct mapwalk *w, uint32_t i)
{
	return w->keys + (size_t)i * w->m.map.key_size;
}

static inline const char *mapwalk_value(const struct mapwalk *w, uint32_t i)
{
	return w->values + (size_t)i * w->value_size;
}

/* May a call that failed with this error succeed if it is repeated? */
bool mapwalk_is_worth_another_try(int err);

/* Does the error mean that the kernel, or maps of this type, do not support batches? */
bool mapwalk_has_no_batches(int err);

/* How many of ASKED entries a call has processed. The kernel sets COUNT unless it refuses the call
 * itself; after EFAULT it is meaningless.
 */
uint32_t mapwalk_done(int err, uint32_t asked, uint32_t count);

/* How often a call is repeated without progress. */
#define MAPWALK_TRIES 16

/* Takes the function on top, which makes code that steps over a map's elements. It gets the map,
 * the walk's address, the walk and its names, and returns a function that calls map_step() for what
 * it does not do itself; or nil.
 */
void mapwalk_set_compiler(lua_State *L);

void mapwalk_open(lua_State *L);

#endif
