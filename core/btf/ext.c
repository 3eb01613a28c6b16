#include "btf/ext.h"

#include "base/frame.h"
#include "base/value.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/*** @module lbpf */
/*** Sections .BTF.ext
@section btf_exts
@usage local btf = assert(lbpf.btf_new_empty())
local main = btf:add_func("pass", "global", btf:add_func_proto(btf:add_int("int", 4, "signed")))
local bytes = btf:ext_data {func_info = {{section = "xdp", offset = 0, type = main}}}
local ext = assert(lbpf.btf_ext_new(bytes))
print(#ext:raw_data())
assert(ext:close())
*/

static const char EXT[] = "lbpf.btf_ext";

#if LBPF_HEADERS(1, 4)
#pragma weak btf_ext__raw_data
#endif
#if LBPF_HEADERS(1, 5)
#pragma weak btf_ext__endianness
#pragma weak btf_ext__set_endianness
#endif

struct ext {
	struct owner owner;
	struct btf_ext *ext; /* NULL once closed */
};

struct ext_handle {
	struct ext *ext;
};

static struct ext *ext_from(struct owner *owner)
{
	return (struct ext *)owner;
}

struct btf_ext *ext_of(struct owner *owner)
{
	return ext_from(owner)->ext;
}

static void ext_shut(struct owner *owner)
{
	struct ext *e = ext_from(owner);

	btf_ext__free(e->ext);
	e->ext = NULL;
}

static void release(struct owner *owner)
{
	ext_shut(owner);
	free(owner);
}

static struct ext *check_handle(lua_State *L, int arg)
{
	return ((struct ext_handle *)class_check(L, arg, EXT))->ext;
}

struct owner *ext_check(lua_State *L, int arg)
{
	struct ext *e = check_handle(L, arg);

	owner_check(L, &e->owner);
	return &e->owner;
}

/* The bytes, in this machine's order unless another one was set. */
static const void *raw_ext(const struct btf_ext *ext, __u32 *size)
{
#if LBPF_HEADERS(1, 4)
	if (compat_libbpf(1, 4))
		return btf_ext__raw_data(ext, size);
#endif
	return btf_ext__get_raw_data(ext, size); /* its name before libbpf 1.4 */
}

/* Do its references exist? ----------------------------------------------------------- */

struct ext_part {
	const char *data; /* libbpf has checked the header and the sizes */
	__u32 len;
	int type, strings[2]; /* offset in a record; -1: it has none */
};

static __u32 word(const char *at)
{
	__u32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static bool record_fits(const struct ext_part *p, const char *record, const struct btf *btf)
{
	if (p->type >= 0 && word(record + p->type) >= btf__type_cnt(btf))
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (p->strings[i] >= 0 && !btf__str_by_offset(btf, word(record + p->strings[i])))
			return false;
	return true;
}

static bool ext_part_fits(const struct ext_part *p, const struct btf *btf)
{
	const char *at = p->data, *end = p->data + p->len;
	__u32 size, n;

	if (p->len == 0)
		return true;
	size = word(at);
	for (at += 4; at < end;) {
		if (!btf__str_by_offset(btf, word(at)))
			return false;
		n = word(at + 4);
		for (at += 8; n > 0; n--, at += size)
			if (!record_fits(p, at, btf))
				return false;
	}
	return true;
}

bool ext_fits(struct owner *owner, const struct btf *btf)
{
	__u32 size;
	const char *data = raw_ext(ext_of(owner), &size);
	struct ext_header h = {0};
	struct ext_part parts[3];

	memcpy(&h, data, size < sizeof(h) ? size : sizeof(h));
	if (h.magic != BTF_MAGIC)
		return false; /* it has the other byte order */
	if (h.hdr_len < sizeof(h))
		h.core_relo_off = h.core_relo_len = 0;
	data += h.hdr_len;
	parts[0] = (struct ext_part){data + h.func_info_off,
				     h.func_info_len,
				     offsetof(struct bpf_func_info, type_id),
				     {-1, -1}};
	parts[1] = (struct ext_part){data + h.line_info_off,
				     h.line_info_len,
				     -1,
				     {offsetof(struct bpf_line_info, file_name_off),
				      offsetof(struct bpf_line_info, line_off)}};
	parts[2] = (struct ext_part){data + h.core_relo_off,
				     h.core_relo_len,
				     offsetof(struct bpf_core_relo, type_id),
				     {offsetof(struct bpf_core_relo, access_str_off), -1}};
	for (unsigned i = 0; i < 3; i++)
		if (!ext_part_fits(&parts[i], btf))
			return false;
	return true;
}

/* Methods --------------------------------------------------------------------------------- */

/*** Reads a section .BTF.ext. `btf:ext_data` writes one.
@function btf_ext_new
@tparam string bytes of the section
@treturn btf_ext
@fails
@see btf_ext__new
*/
static int new_ext(lua_State *L)
{
	size_t size;
	const char *data = luaL_checklstring(L, 1, &size);
	struct ext_handle *h = class_push(L, EXT, sizeof(*h), 0);
	struct frame f;
	int err;

	luaL_argcheck(L, size <= INT32_MAX, 1, "too long for .BTF.ext");
	h->ext = calloc(1, sizeof(*h->ext));
	if (!h->ext)
		return luaL_error(L, "not enough memory");
	h->ext->owner =
		(struct owner){.kind = "BTF.ext", .name = "memory", .release = release, .refs = 1};
	frame_enter(L, &f, &h->ext->owner, 0);
	h->ext->ext = btf_ext__new((const __u8 *)data, (__u32)size);
	err = value_pointer_error(h->ext->ext);
	if (err) {
		h->ext->ext = NULL;
		h->ext->owner.closed = true;
	}
	frame_leave(&f);
	if (err)
		return value_fail_logged(L, &f, err, "make BTF.ext");
	return 1;
}

/*** Frees it. A second call has no effect.
@function btf_ext:close
@treturn boolean true
@raise while libbpf works on it
@see btf_ext__free
*/
static int close_ext(lua_State *L)
{
	owner_close(L, &check_handle(L, 1)->owner, ext_shut);
	lua_pushboolean(L, 1);
	return 1;
}

static int ext_gc(lua_State *L)
{
	struct ext_handle *h = class_retire(L, EXT);

	if (h->ext)
		owner_unref(&h->ext->owner);
	return 0;
}

/*** The section as bytes, with the changes of `btf:dedup`.
@function btf_ext:raw_data
@treturn string
@fails
@see btf_ext__raw_data
*/
static int ext_raw_data(lua_State *L)
{
	struct owner *e = ext_check(L, 1);
	__u32 size;
	const void *data = raw_ext(ext_of(e), &size);

	if (value_pointer_error(data))
		return value_fail(L, value_pointer_error(data), "bytes of BTF.ext");
	e->busy++; /* a finalizer may run: see set_endianness() */
	lua_pushlstring(L, data, size);
	e->busy--;
	return 1;
}

#if LBPF_HEADERS(1, 5)
static const char *const endiannesses[] = {"little", "big", NULL};
#endif

/*** The byte order of the section.
@function btf_ext:endianness
@treturn string "little" or "big"
@fails EOPNOTSUPP before libbpf 1.5
@see btf_ext__endianness
*/
static int ext_endianness(lua_State *L)
{
	struct owner *e = ext_check(L, 1);

	(void)e;
#if LBPF_HEADERS(1, 5)
	if (compat_libbpf(1, 5)) {
		lua_pushstring(L, endiannesses[btf_ext__endianness(ext_of(e))]);
		return 1;
	}
#endif
	return value_needs_libbpf(L, "btf_ext:endianness", 1, 5);
}

/*** Sets the byte order of `btf_ext:raw_data`.
@function btf_ext:set_endianness
@tparam string order "little" or "big"
@treturn btf_ext itself
@fails EOPNOTSUPP before libbpf 1.5
@needs libbpf 1.5
@usage local btf = assert(lbpf.btf_new_empty())
local main = btf:add_func("pass", "global", btf:add_func_proto(btf:add_int("int", 4, "signed")))
local bytes = btf:ext_data {func_info = {{section = "xdp", offset = 0, type = main}}}
local ext = assert(lbpf.btf_ext_new(bytes))
assert(ext:set_endianness(ext:endianness() == "little" and "big" or "little"))
@see btf_ext__set_endianness
*/
static int ext_set_endianness(lua_State *L)
{
	struct owner *e = ext_check(L, 1);

	owner_check_idle(L, e, "set_endianness");
#if LBPF_HEADERS(1, 5)
	if (compat_libbpf(1, 5)) {
		int order = luaL_checkoption(L, 2, NULL, endiannesses);

		btf_ext__set_endianness(ext_of(e), order ? BTF_BIG_ENDIAN : BTF_LITTLE_ENDIAN);
		lua_settop(L, 1);
		return 1;
	}
#endif
	return value_needs_libbpf(L, "btf_ext:set_endianness", 1, 5);
}

static int ext_tostring(lua_State *L)
{
	const struct ext *e = check_handle(L, 1);

	lua_pushfstring(L, "lbpf.btf_ext%s", e->owner.closed ? " (closed)" : "");
	return 1;
}

void ext_open(lua_State *L)
{
	static const luaL_Reg functions[] = {{"btf_ext_new", new_ext}, {NULL, NULL}};
	static const luaL_Reg methods[] = {
		{"close", close_ext},
		{"raw_data", ext_raw_data},
		{"endianness", ext_endianness},
		{"set_endianness", ext_set_endianness},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {{"__gc", ext_gc},
					{"__close", close_ext},
					{"__tostring", ext_tostring},
					{NULL, NULL}};

	class_new(L, EXT, methods, meta);
	luaL_setfuncs(L, functions, 0);
}
