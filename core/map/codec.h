/* What turns a map's keys and values into Lua values of their BTF types, and back; or bytes. */
#ifndef LBPF_MAP_CODEC_H
#define LBPF_MAP_CODEC_H

#include "base/class.h"
#include "btf/codec.h"
#include "map/fd.h"

/* The metatable of lists with a value for each CPU. */
#define MAPCODEC_PER_CPU "lbpf.per_cpu"

struct mapcodec {
	struct mapfd map;
	struct codec *key, *value; /* NULL: bytes */
	bool has_indices;          /* keys without a type are integers all the same */
	bool has_stacks;           /* values are stack traces: lists of addresses */
	bool takes_fds;            /* a value is written as a descriptor, and read as an id */
	bool needs_names;          /* else the index of the table of names may be 0 */
	struct owner *owner;       /* what must be open; NULL: nothing */
};

/* What a script may ask for. */
struct mapcodec_opts {
	struct codec_opts codec; /* first: the fields' offsets are good for both */
	bool raw;
	const char *key, *value; /* names of types, instead of the map's own */
	int arg;                 /* the table; 0: none was given */
};

/* Fills M, whose map is known, by the types that the map NAME has in BTF (may be NULL), or those of
 * the ids given, if NAME is NULL. The names of members go to the table on top. Raises what is wrong
 * with the options.
 */
void mapcodec_init(lua_State *L, struct mapcodec *m, const struct btf *btf, const char *name,
		   uint32_t key, uint32_t value, const struct mapcodec_opts *opts);
void mapcodec_free(struct mapcodec *m);

/* How many Lua values a value of the map is. */
int mapcodec_values(const struct mapcodec *m);

/* What a key or a value is, pushed. NAMES is the index of the table of names; with FLAGS the kernel
 * copied the value. Returns how many values were pushed: a value may be several fields.
 */
int mapcodec_push_key(lua_State *L, const struct mapcodec *m, int names, const void *data);
int mapcodec_push_value(lua_State *L, const struct mapcodec *m, int names, const void *data,
			uint64_t flags);

/* The bytes of the key or value at IDX: where a string has them, or in OUT, which has room. ARG is
 * what an error is about, and ENTRY which of a list's, from 1, or 0.
 */
const void *mapcodec_key(lua_State *L, const struct mapcodec *m, int names, int idx, void *out,
			 int arg, int entry);
const void *mapcodec_value(lua_State *L, const struct mapcodec *m, int names, int idx, void *out,
			   uint64_t flags, int arg, int entry);

#endif
