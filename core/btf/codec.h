/* Conversion of BTF types to Lua values and back. A type is compiled once into a flat plan;
 * decoding and encoding use the plan and do not read BTF.
 */
#ifndef LBPF_BTF_CODEC_H
#define LBPF_BTF_CODEC_H

#include "base/compat.h"
#include <bpf/btf.h>

struct codec;
struct owner;

/* The type that NAME means, "event" or "struct event"; 0 if BTF has none. */
uint32_t codec_find_type(const struct btf *btf, const char *name);

/* The type of the part of TYPE at PATH, ".a[2].b", and its offset in *OFFSET; 0 if there is no such
 * part, or it is a bit field.
 */
uint32_t codec_find_part(const struct btf *btf, uint32_t type, const char *path, uint32_t *offset);

struct codec_opts {
	bool enum_names; /* enums as names, if they have one */
	bool numbers;    /* 64-bit integers as numbers, in Luas without such integers */
	int arg;         /* the table with option `fields`; 0: decode the whole type */
};

/* Options of a structure that starts with struct codec_opts. */
#define CODEC_FIELDS                                                                               \
	FIELD_BY_MODULE("fields"), FIELD(struct codec_opts, enum_names, FIELD_BOOL),               \
		FIELD(struct codec_opts, numbers, FIELD_BOOL)

/* Pushes a handle of the codec of a type. OWNER owns the BTF; NULL if no script can change that. If
 * the type has no size or cannot be converted, pushes nothing and returns NULL. The handle owns the
 * codec; other users count references. The codec's names are the handle's uservalue, and must be
 * kept with it.
 */
struct codec *codec_push(lua_State *L, const struct btf *btf, struct owner *owner, uint32_t type,
			 const struct codec_opts *opts);
struct codec *codec_ref(struct codec *c);
void codec_unref(struct codec *c);

/* The codec of the handle at IDX; raises if it is not a codec. */
struct codec *codec_check(lua_State *L, int idx);

/* The size of the type in bytes. */
size_t codec_size(const struct codec *c);

/* Is the type an enum whose values have names, which may be given as strings? */
bool codec_is_named(const struct codec *c);

/* Does decoding use the names? Otherwise their index may be 0. Encoding uses them for names of
 * enums. */
bool codec_needs_names(const struct codec *c);
bool codec_needs_enum_names(const struct codec *c);

/* How many values decoding pushes. */
int codec_values(const struct codec *c);

/* Raises unless there is a table at IDX: the debug library may have replaced the names. */
void codec_check_names(lua_State *L, int idx);

/* Pushes the value of DATA (codec_size() bytes), or one value for each of the codec's fields.
 * Returns how many. NAMES is the index of the codec's names, which were checked.
 */
int codec_decode(lua_State *L, const struct codec *c, int names, const void *data);

/* Pushes a description for code generators: a list with a table for each value that decoding
 * pushes, with the fields of struct step, and its members or its element as a list. `size` is the
 * size of the type; `whole` says whether there is one value for all of it.
 */
void codec_describe(lua_State *L, const struct codec *c);

/* Writes the value at VALUE to OUT (codec_size() bytes). Raises if a member is invalid, as an error
 * about argument ARG; 0: about no argument. NAME (may be NULL) is the name of the whole value.
 */
void codec_encode(lua_State *L, const struct codec *c, int names, int value, void *out, int arg,
		  const char *name);

/* For the methods codec() of BTF and objects: returns the codec of the type that argument 2 names,
 * with the options at 3; or nil, message, errno. BTF may be NULL; OWNER as for codec_push().
 */
int codec_new(lua_State *L, const struct btf *btf, struct owner *owner);

void codec_open(lua_State *L);

#endif
