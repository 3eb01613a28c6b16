/* BTF types as Lua values. A type is compiled once into a flat plan; decoding and encoding walk
 * the plan and look at BTF no more.
 */
#ifndef LBPF_BTF_CODEC_H
#define LBPF_BTF_CODEC_H

#include "base/compat.h"
#include <bpf/btf.h>

struct codec;
struct owner;
struct plan_part;

/* The type that the value at IDX means: "event", "struct event", or its number. 0 if BTF has none,
 * or several, and then what is wrong is pushed.
 */
uint32_t codec_find_type(lua_State *L, const struct btf *btf, struct owner *owner, int idx);

struct codec_opts {
	bool enum_names;  /* an enum as its name, where it has one */
	bool numbers;     /* integers of 64 bits as numbers, where Lua has no such integers */
	bool all_bytes;   /* char arrays: all of them, not those before their zero */
	const char *part; /* the path of the part that is meant, ".a[2].b"; NULL: the whole */
	int arg; /* the table whose options `fields` and `bytes` count; 0: the whole type */
};

/* Options of a structure that starts with struct codec_opts. */
#define CODEC_FIELDS                                                                               \
	FIELD_BY_MODULE("fields"), FIELD_BY_MODULE("bytes"),                                       \
		FIELD(struct codec_opts, enum_names, FIELD_BOOL),                                  \
		FIELD(struct codec_opts, numbers, FIELD_BOOL)

/* Pushes a handle of the codec of a type. OWNER owns the BTF; NULL if no script can change that. If
 * the type has no size or cannot be converted, pushes nothing and returns NULL. The handle owns the
 * codec; other users count references. The codec's names are the handle's uservalue, and must be
 * kept with it.
 */
struct codec *codec_push(lua_State *L, const struct btf *btf, struct owner *owner, uint32_t type,
			 const struct codec_opts *opts);
/* Raises unless the type, that of NAME, has a part at PATH, and says what it has. */
void codec_require_part(lua_State *L, const struct codec *c, const char *path, const char *name);

struct codec *codec_ref(struct codec *c);
void codec_unref(struct codec *c);

/* The codec of the handle at IDX; raises if it is not a codec. */
struct codec *codec_check(lua_State *L, int idx);

/* The size of the type in bytes. */
size_t codec_size(const struct codec *c);

/* Of a codec of a part: where that is in the whole, and whether it has some bits of its bytes only,
 * so that encoding needs the others in place.
 */
size_t codec_offset(const struct codec *c);
bool codec_is_bit_field(const struct codec *c);

/* How many bytes decoding needs: what ends inside of an array has the elements that are there. */
size_t codec_least(const struct codec *c);

/* Is a string of the type's size taken for its bytes? For an integer it might mean anything. */
bool codec_takes_bytes(const struct codec *c);

/* Does decoding use the names? Otherwise their index may be 0. Encoding uses them for names of
 * enums. */
bool codec_needs_names(const struct codec *c);
bool codec_needs_enum_names(const struct codec *c);

/* How many values decoding pushes. */
int codec_values(const struct codec *c);

/* Of a codec with option `fields`: where the I-th is, from 0. NULL: it is without. */
const struct plan_part *codec_field(const struct codec *c, size_t i);

/* Raises unless there is a table at IDX: the debug library may have replaced the names. */
void codec_check_names(lua_State *L, int idx);

/* Pushes what DATA, SIZE bytes and at least codec_least(), says: a value, or one for each of the
 * fields that were asked for. Returns how many. NAMES is the index of the codec's, which were
 * checked.
 */
int codec_decode(lua_State *L, const struct codec *c, int names, const void *data, size_t size);

/* Is there one value, a table? Then codec_fill() fills the table on top again, and those that it
 * has for members and elements. It returns 1. What else is in a table stays; metatables are not
 * used. Half of LUA_MINSTACK must be free on the stack.
 */
bool codec_makes_table(const struct codec *c);
int codec_fill(lua_State *L, const struct codec *c, int names, const void *data, size_t size);

/* The number of members of a structure that Lua code can make of their values: see btf/maker.h. 0:
 * it has other tables in it, or is none.
 */
int codec_members(const struct codec *c);

/* For such code: pushes false and the value of each member. Where Lua must not make the table, C
 * makes it, and pushes it and a nil for each member: if the table at INTO has a metatable, if the
 * values do not say all that the bytes do, or if INTO is 0. INTO is the index of the table that is
 * filled again; without a table there, a new one is made. Returns how many values were pushed. 15
 * slots of the stack must be free, and those for the frame of the function that is called with the
 * values: where Lua must make place for that, it collects garbage, and finalizers may run.
 */
int codec_push_members(lua_State *L, const struct codec *c, int names, int into, const void *data,
		       size_t size);

/* Pushes a description for code generators: a list with a table for each value that decoding
 * pushes, with the fields of struct step, and its members or its element as a list. `size` is the
 * size of the type; `whole` says whether there is one value for all of it.
 */
void codec_describe(lua_State *L, const struct codec *c);

/* A part of a table's bytes whose value may not say all of them, for compiled code;
 * lua/lbpf/jit/layout.lua declares it as well.
 */
struct codec_check {
	uint32_t kind; /* 0: the list ends */
	uint32_t offset, size;
	int32_t length; /* of a string: what codec_says_all() found */
};

/* Do the values of what is at DATA say all? Then the lengths of its strings have been set. */
int codec_says_all(struct codec_check *checks, const char *data);

/* How many bytes the value at VALUE is: codec_size(), unless there is a flexible array. */
size_t codec_encoded_size(lua_State *L, const struct codec *c, int value);

/* Writes the value at VALUE into OUT, of SIZE bytes, at least codec_size(). Raises what is wrong,
 * and with which member: as a bad argument if VALUE is one, ARG; 0: it is none. NAME (may be NULL)
 * is what the whole is called. NAMES and VALUE are absolute indexes.
 */
void codec_encode(lua_State *L, const struct codec *c, int names, int value, void *out, size_t size,
		  int arg, const char *name);

/* For the methods codec() of BTF and objects: returns the codec of the type that argument 2 names,
 * with the options at 3; or nil, message, errno. BTF may be NULL; OWNER as for codec_push(); a
 * layout finds names in the BTF at BASE.
 */
int codec_new(lua_State *L, const struct btf *btf, struct owner *owner, int base);

void codec_open(lua_State *L);

#endif
