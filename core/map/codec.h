/* Converts a map's keys and values to Lua values of their BTF types, and back; or to bytes. */
#ifndef LBPF_MAP_CODEC_H
#define LBPF_MAP_CODEC_H

#include "base/class.h"
#include "btf/codec.h"
#include "btf/layout.h"
#include "map/fd.h"

/* The metatable of lists with a value for each CPU. */
#define MAPCODEC_PER_CPU "lbpf.per_cpu"

struct mapcodec {
	struct mapfd map;
	struct codec *key, *value; /* NULL: bytes */
	bool has_indices;          /* keys without a type are integers */
	bool has_stacks;           /* values are stack traces: lists of addresses */
	bool takes_fds;            /* a value is written as a descriptor, and read as an id */
	bool needs_names, needs_enum_names; /* for decoding; for encoding alone */
	struct owner *owner;                /* must be open; NULL: nothing to check */
};

/* Where the names are that the codecs need: indices of tables. 0: none are needed. */
struct mapcodec_names {
	int key, value;
};

/* Options of a script. */
struct mapcodec_opts {
	struct codec_opts codec; /* first, so that the offsets of its fields are valid here */
	bool raw_key, raw_value; /* as bytes */
	int arg; /* the table, whose `key` and `value` replace the map's own types; 0: none */
	struct layout types; /* where these are, if not where the map's own types are */
};

/* Initialises M, whose `map` is set, with the types of map NAME in BTF (may be NULL), or with the
 * given type ids if NAME is NULL. The names of members are stored in the table on top. Raises if an
 * option is invalid.
 */
void mapcodec_init(lua_State *L, struct mapcodec *m, const struct btf *btf, const char *name,
		   uint32_t key, uint32_t value, const struct mapcodec_opts *opts);
void mapcodec_free(struct mapcodec *m);

/* How many Lua values represent one value of the map. */
int mapcodec_values(const struct mapcodec *m);

/* Pushes the names that the codecs need, of the table that mapcodec_init() stored them in. */
struct mapcodec_names mapcodec_push_names(lua_State *L, const struct mapcodec *m, int table);

/* Pushes a key or a value. NAMES is the index of its names; FLAGS are those with which the kernel
 * copied the value. What is a structure or an array fills the table at INTO again, unless that is
 * 0, or no table. Returns how many values were pushed: there may be several fields.
 */
int mapcodec_push_key(lua_State *L, const struct mapcodec *m, int names, const void *data,
		      int into);
int mapcodec_push_value(lua_State *L, const struct mapcodec *m, int names, const void *data,
			uint64_t flags, int into);

/* Is a value one that fills a table? */
bool mapcodec_fills_value(const struct mapcodec *m, uint64_t flags);

/* Can maker_wrap() replace what gets a value, of flags 0? Then codec_push_members() for it. */
bool mapcodec_has_members(const struct mapcodec *m);
int mapcodec_push_members(lua_State *L, const struct mapcodec *m, int names, const void *data,
			  int into);

/* The bytes of the key or value at IDX: those of a string, or encoded in OUT, which must be large
 * enough. Errors are about argument ARG and, if ENTRY is not 0, about that entry of a list, from 1.
 */
const void *mapcodec_key(lua_State *L, const struct mapcodec *m, int names, int idx, void *out,
			 int arg, int entry);
const void *mapcodec_value(lua_State *L, const struct mapcodec *m, int names, int idx, void *out,
			   uint64_t flags, int arg, int entry);

#endif
