/* BTF types as Lua values. A type is compiled once into a flat plan; decoding and encoding follow
 * the plan and look at BTF no more.
 */
#ifndef LBPF_BTF_CODEC_H
#define LBPF_BTF_CODEC_H

#include "base/compat.h"
#include <bpf/btf.h>

struct codec;
struct owner;

/* The type that NAME means, "event" or "struct event"; 0 if BTF has none. */
uint32_t codec_find_type(const struct btf *btf, const char *name);

/* The type of the part of TYPE at PATH, ".a[2].b", and in *OFFSET where it is; 0 if there is none
 * that has bytes of its own.
 */
uint32_t codec_find_part(const struct btf *btf, uint32_t type, const char *path, uint32_t *offset);

struct codec_opts {
	bool enum_names; /* an enum as its name, where it has one */
	bool numbers;    /* integers of 64 bits as numbers, where Lua has no such integers */
	int arg;         /* the table whose option `fields` counts; 0: the whole type */
};

/* Those options of a structure that starts with struct codec_opts. */
#define CODEC_FIELDS                                                                               \
	FIELD_BY_MODULE("fields"), FIELD(struct codec_opts, enum_names, FIELD_BOOL),               \
		FIELD(struct codec_opts, numbers, FIELD_BOOL)

/* Pushes a handle of the codec of a type. OWNER is the BTF's, NULL if no script can change it. NULL
 * if the type has no size or form, and then nothing is pushed. The codec is the handle's; whoever
 * keeps it otherwise, counts. Its names are the handle's uservalue, and are kept along.
 */
struct codec *codec_push(lua_State *L, const struct btf *btf, struct owner *owner, uint32_t type,
			 const struct codec_opts *opts);
struct codec *codec_ref(struct codec *c);
void codec_unref(struct codec *c);

/* The codec of the handle at IDX; raises unless it is one. */
struct codec *codec_check(lua_State *L, int idx);

/* The size of the type in bytes. */
size_t codec_size(const struct codec *c);

/* Is the type an enum whose values have names, so that a string is one? */
bool codec_is_named(const struct codec *c);

/* Does decoding need the names? Else their index may be 0. Encoding needs them for enums' names. */
bool codec_needs_names(const struct codec *c);
bool codec_needs_enum_names(const struct codec *c);

/* How many values decoding pushes. */
int codec_values(const struct codec *c);

/* Raises unless there is a table at IDX, where names are: the debug library may put anything there.
 */
void codec_check_names(lua_State *L, int idx);

/* Pushes what DATA (codec_size() bytes) says: a value, or one for each of the fields that were
 * asked for. Returns how many. NAMES is the index of the codec's, which were checked.
 */
int codec_decode(lua_State *L, const struct codec *c, int names, const void *data);

/* Pushes what a generator of code needs to know: a list with a table for each value that decoding
 * pushes, of the fields of struct step; with its members or its element as a list. `size` is the
 * type's; `whole` says whether there is one value, all of it.
 */
void codec_describe(lua_State *L, const struct codec *c);

/* Writes the value at VALUE into OUT (codec_size() bytes). Raises what is wrong, and with which
 * member: as a bad argument if VALUE is one, ARG; 0: it is none. NAME (may be NULL) is what the
 * whole is called.
 */
void codec_encode(lua_State *L, const struct codec *c, int names, int value, void *out, int arg,
		  const char *name);

/* For the methods codec() of BTF and objects: returns the codec of the type that argument 2 names,
 * with the options at 3; or nil, message, errno. BTF may be NULL; OWNER as for codec_push().
 */
int codec_new(lua_State *L, const struct btf *btf, struct owner *owner);

void codec_open(lua_State *L);

#endif
