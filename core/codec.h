/* BTF types as Lua values. A type is compiled once into a flat plan; decoding and encoding walk
 * the plan and look at BTF no more.
 */
#ifndef LBPF_CODEC_H
#define LBPF_CODEC_H

#include "compat.h"
#include <bpf/btf.h>

struct codec;

/* The type that NAME means, "event" or "struct event"; 0 if BTF has none. */
uint32_t codec_find_type(const struct btf *btf, const char *name);

/* The type of the part of TYPE at PATH, ".a[2].b", and in *OFFSET where it is; 0 if there is none
 * that has bytes of its own.
 */
uint32_t codec_find_part(const struct btf *btf, uint32_t type, const char *path, uint32_t *offset);

/* Pushes the codec of a type, with the options in the table at OPTS, an argument; 0: none. NULL if
 * the type has no size or form, and then nothing is pushed.
 */
struct codec *codec_push(lua_State *L, const struct btf *btf, uint32_t type, int opts);

/* The codec at IDX; raises unless it is one. */
struct codec *codec_check(lua_State *L, int idx);

/* The size of the type in bytes. */
size_t codec_size(const struct codec *c);

/* Pushes what DATA (codec_size() bytes) says: a value, or one for each of the fields that were
 * asked for. Returns how many. IDX is the codec's.
 */
int codec_decode(lua_State *L, const struct codec *c, int idx, const void *data);

/* Writes the value at VALUE into OUT (codec_size() bytes). Raises what is wrong, and with which
 * member; NAME (may be NULL) is what the whole is called.
 */
void codec_encode(lua_State *L, const struct codec *c, int idx, int value, void *out,
		  const char *name);

/* The method object:codec(). */
extern const luaL_Reg codec_object_methods[];

void codec_open(lua_State *L);

#endif
