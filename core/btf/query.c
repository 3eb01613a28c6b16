/* Queries of BTF, and its properties. */
#include "btf/query.h"

#include "base/enum.h"
#include "base/value.h"
#include "btf/btf.h"
#include "btf/codec.h"
#include "btf/type.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** Queries of BTF
@section types_asked
@usage local btf = assert(lbpf.btf_parse("trace.bpf.o"))
print(btf:type_cnt(), btf:base_btf(), btf:pointer_size(), btf:endianness())
local id = assert(btf:find_by_name("event"))
local event = btf:type_by_id(id)
for _, field in ipairs(event.members) do
  print(field.name, btf:resolve_size(field.type), btf:align_of(field.type))
end
for type in btf:each_type() do
  if type.kind == "typedef" then
    print(type.name, "is", btf:type_by_id(btf:resolve_type(type.id)).name)
  end
end
assert(btf:str_by_offset(0) == "" and btf:name_by_offset(0) == "")

local codec = assert(btf:codec("struct event"))
print(codec:decode(("\1"):rep(codec:size())).pid)
*/

/*** The number of types, including those of the base, and void, which is 0. Ids are smaller.
@function btf:type_cnt
@treturn integer
@see btf__type_cnt
*/
static int type_cnt(lua_State *L)
{
	value_push_u32(L, btf__type_cnt(btf_of(btf_check(L, 1))));
	return 1;
}

/*** The base BTF.
@function btf:base_btf
@treturn ?btf nil if there is none
@see btf__base_btf
*/
static int base_btf(lua_State *L)
{
	btf_check(L, 1);
	class_env(L, 1);
	lua_getfield(L, -1, "base");
	return 1;
}

static int push_type_id(lua_State *L, __s32 id)
{
	if (id < 0)
		return value_none(L);
	lua_pushinteger(L, id);
	return 1;
}

/*** Finds the first type with a name.
@function btf:find_by_name
@tparam string name
@treturn ?integer its id; nil if there is none
@see btf__find_by_name
*/
static int find_by_name(lua_State *L)
{
	return push_type_id(L, btf__find_by_name(btf_of(btf_check(L, 1)), luaL_checkstring(L, 2)));
}

/*** Finds the first type with a name and kind.
@function btf:find_by_name_kind
@tparam string name
@tparam string|integer kind "int", "struct", "func", see `btf:type_by_id`
@treturn ?integer its id; nil if there is none
@see btf__find_by_name_kind
*/
static int find_by_name_kind(lua_State *L)
{
	struct owner *b = btf_check(L, 1);
	const char *name = luaL_checkstring(L, 2);
	__u32 kind = (__u32)enum_check(L, 3, &enum_btf_kind);

	return push_type_id(L, btf__find_by_name_kind(btf_of(b), name, kind));
}

static bool has_enumerator(const struct btf *btf, const struct btf_type *t, const char *name)
{
	const struct btf_enum64 *wide = btf_enum64(t);
	const struct btf_enum *narrow = btf_enum(t);

	for (unsigned i = 0; i < btf_vlen(t); i++) {
		__u32 off = btf_is_enum64(t) ? wide[i].name_off : narrow[i].name_off;

		if (strcmp(btf__str_by_offset(btf, off), name) == 0)
			return true;
	}
	return false;
}

/*** Finds the first enumeration with an enumerator of this name.
@function btf:find_enumerator
@tparam string name "BPF_ANY"
@treturn ?integer the enumeration's id; nil if there is none
@usage print(lbpf.btf_load_vmlinux_btf():find_enumerator("TASK_COMM_LEN"))
*/
static int find_enumerator(lua_State *L)
{
	const struct btf *btf = btf_of(btf_check(L, 1));
	const char *name = luaL_checkstring(L, 2);

	for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_any_enum(t) && has_enumerator(btf, t, name)) {
			value_push_u32(L, id);
			return 1;
		}
	}
	return value_none(L);
}

static int push_type(lua_State *L, struct owner *b, __u32 id)
{
	int n;

	btf_begin_read(b);
	n = btftype_push(L, btf_of(b), id);
	btf_end_read(b);
	return n;
}

/*** A type, as a table: `id`, `kind`, `name` unless it has none, and what its kind has. References
to other types are ids.

- "int": `size` in bytes, `bits`, `offset` of the lowest bit, `signed`, `char`, `bool`
- "ptr", "typedef", "volatile", "const", "restrict", "type_tag": `type`; a tag also `attribute`
- "array": `type`, `index_type`, `nelems`
- "struct", "union": `size`, `members`, a list of `name`, `type`, `offset` in bits and, for a
  bitfield, `bitfield_size` in bits
- "enum", "enum64": `size`, `signed`, `values`, a list of `name`, `value`
- "fwd": `fwd_kind`, "struct" or "union"
- "func": `type`, `linkage`, "static", "global" or "extern"
- "func_proto": `type` of the result, `params`, a list of `name`, `type`
- "var": `type`, `linkage`, "static", "global" or "extern"
- "datasec": `size`, `vars`, a list of `type`, `offset`, `size`
- "float": `size`
- "decl_tag": `type`, `component_idx` counted from 0, -1 for the type itself, `attribute`

@function btf:type_by_id
@tparam integer id
@treturn ?table nil if there is no such type
@see btf__type_by_id
*/
static int type_by_id(lua_State *L)
{
	struct owner *b = btf_check(L, 1);
	__u32 id = (__u32)value_check_int(L, 2, 0, UINT32_MAX);

	return push_type(L, b, id);
}

/* Upvalue: the id that comes next. */
static int next_type(lua_State *L)
{
	struct owner *b = btf_check(L, 1);
	lua_Integer id = lua_tointeger(L, lua_upvalueindex(1));

	lua_pushinteger(L, id + 1);
	lua_replace(L, lua_upvalueindex(1));
	return push_type(L, b, (__u32)id);
}

/*** Returns an iterator over the types, without those of the base.
@function btf:each_type
@treturn function iterator; it returns the result of `btf:type_by_id`
@see btf:type_by_id
*/
static int each_type(lua_State *L)
{
	struct owner *b = btf_check(L, 1);
	const struct btf *base = btf__base_btf(btf_of(b));

	lua_pushinteger(L, base ? btf__type_cnt(base) : 1);
	lua_pushcclosure(L, next_type, 1);
	lua_pushvalue(L, 1);
	return 2;
}

/*** Removes typedefs and modifiers from a type.
@function btf:resolve_type
@tparam integer id
@treturn integer an id
@fails EINVAL if there is no such type, or more than 32 are nested
@see btf__resolve_type
*/
static int resolve_type(lua_State *L)
{
	struct owner *b = btf_check_sound(L, 1);
	__u32 id = btf_check_id(L, 2, b);
	int ret = btf__resolve_type(btf_of(b), id);

	if (ret < 0)
		return value_fail(L, value_errno(ret), "resolve type %u of '%s'", id, b->name);
	lua_pushinteger(L, ret);
	return 1;
}

/*** The size of values of a type.
@function btf:resolve_size
@tparam integer id
@treturn integer bytes
@fails EINVAL for types without values
@see btf__resolve_size
*/
static int resolve_size(lua_State *L)
{
	struct owner *b = btf_check_sound(L, 1);
	__u32 id = btf_check_id(L, 2, b);
	__s64 size = btf__resolve_size(btf_of(b), id);

	if (size < 0)
		return value_fail(L, value_errno(size), "size of type %u of '%s'", id, b->name);
	value_push_u32(L, (__u32)size);
	return 1;
}

/*** The alignment of values of a type.
@function btf:align_of
@tparam integer id
@treturn integer bytes
@fails EINVAL for types without values
@see btf__align_of
*/
static int align_of(lua_State *L)
{
	struct owner *b = btf_check_sound(L, 1);
	__u32 id = btf_check_id(L, 2, b);
	struct frame f;
	int align;

	btf_enter(L, &f, b, b);
	align = btf__align_of(btf_of(b), id);
	btf_leave(&f, b);
	if (align <= 0)
		return value_fail(L, EINVAL, "alignment of type %u of '%s'", id, b->name);
	lua_pushinteger(L, align);
	return 1;
}

/*** The string at an offset in the BTF's strings.
@function btf:str_by_offset
@tparam integer offset in bytes
@treturn ?string nil beyond the end of the strings
@see btf__str_by_offset
*/
static int str_by_offset(lua_State *L)
{
	struct owner *b = btf_check(L, 1);
	__u32 offset = (__u32)value_check_int(L, 2, 0, UINT32_MAX);

	btf_begin_read(b);
	lua_pushstring(L, btf__str_by_offset(btf_of(b), offset)); /* nil for NULL */
	btf_end_read(b);
	return 1;
}

/*** The same as `btf:str_by_offset`.
@function btf:name_by_offset
@tparam integer offset in bytes
@treturn ?string nil beyond the end of the strings
@see btf__name_by_offset
*/
static int name_by_offset(lua_State *L)
{
	return str_by_offset(L);
}

/*** The BTF as bytes, without those of its base.
@function btf:raw_data
@treturn string
@fails
@see btf__raw_data
*/
static int raw_data(lua_State *L)
{
	struct owner *b = btf_check(L, 1);
	__u32 size;
	const void *data = btf__raw_data(btf_of(b), &size);

	if (value_pointer_error(data))
		return value_fail(L, value_pointer_error(data), "bytes of BTF '%s'", b->name);
	btf_begin_read(b);
	lua_pushlstring(L, data, size);
	btf_end_read(b);
	return 1;
}

/*** The descriptor of the BTF in the kernel.
@function btf:fd
@treturn ?integer nil if it is not loaded
@see btf__fd
*/
static int fd(lua_State *L)
{
	int number = btf__fd(btf_of(btf_check(L, 1)));

	if (number < 0)
		return value_none(L);
	lua_pushinteger(L, number);
	return 1;
}

/*** Creates a codec for a type of this BTF.
@function btf:codec
@tparam string|integer type "event", "struct event", "u64", or its number in the BTF
@tparam ?table opts as for `object:codec`
@treturn codec
@fails ENOENT if there is no such type
@see btf__find_by_name_kind
*/
static int btf_codec(lua_State *L)
{
	struct owner *b = btf_check(L, 1);

	return codec_new(L, btf_of(b), b, 1);
}

/*** Sets the descriptor that the BTF has in the kernel.
@function btf:set_fd
@tparam ?integer|object fd it is duplicated; nil: none
@treturn btf itself
@fails
@raise while there is a dump of it or BTF on top of it; if it is an object's
@see btf__set_fd
*/
static int set_fd(lua_State *L)
{
	int number = lua_isnoneornil(L, 2) ? -1 : value_check_fd(L, 2);
	struct owner *b = btf_check_mine(L, 1, "set_fd");
	int copy = -1, old = btf__fd(btf_of(b));

	if (number >= 0) {
		copy = fcntl(number, F_DUPFD_CLOEXEC, 3);
		if (copy < 0)
			return value_fail(L, errno, "set_fd: BTF '%s'", b->name);
	}
	btf__set_fd(btf_of(b), copy); /* libbpf closes it with the BTF */
	if (old >= 0)
		close(old);
	lua_settop(L, 1);
	return 1;
}

/* Properties ------------------------------------------------------------------------------ */

/*** The size of pointers in the types that the BTF describes.
@function btf:pointer_size
@treturn integer bytes, 0 if it is unknown
@see btf__pointer_size
*/
static int pointer_size(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)btf__pointer_size(btf_of(btf_check(L, 1))));
	return 1;
}

/*** Sets the size of pointers.
@function btf:set_pointer_size
@tparam integer size 4 or 8 bytes
@treturn btf itself
@raise while there is a dump of it; if it is an object's
@see btf__set_pointer_size
*/
static int set_pointer_size(lua_State *L)
{
	struct owner *b = btf_check_mine(L, 1, "set_pointer_size");
	lua_Integer size = value_check_int(L, 2, 4, 8);

	luaL_argcheck(L, size == 4 || size == 8, 2, "pointers have 4 bytes or 8");
	btf__set_pointer_size(btf_of(b), (size_t)size);
	lua_settop(L, 1);
	return 1;
}

static const char *const endiannesses[] = {"little", "big", NULL};

/*** The order of bytes in the BTF.
@function btf:endianness
@treturn string "little" or "big"
@see btf__endianness
*/
static int endianness(lua_State *L)
{
	lua_pushstring(L, endiannesses[btf__endianness(btf_of(btf_check(L, 1)))]);
	return 1;
}

/*** Sets the byte order in which `btf:raw_data` returns bytes.
@function btf:set_endianness
@tparam string order "little" or "big"
@treturn btf itself
@raise while there is a dump of it; if it is an object's
@usage local btf = assert(lbpf.btf_new_empty())
btf:add_int("int", 4, "signed")
btf:set_pointer_size(4)
btf:set_endianness("big")
print(#btf:raw_data())
@see btf__set_endianness
*/
static int set_endianness(lua_State *L)
{
	struct owner *b = btf_check_mine(L, 1, "set_endianness");
	int order = luaL_checkoption(L, 2, NULL, endiannesses);

	btf__set_endianness(btf_of(b), order ? BTF_BIG_ENDIAN : BTF_LITTLE_ENDIAN);
	lua_settop(L, 1);
	return 1;
}

/*** Loads the BTF into the kernel, which keeps it while this object has its descriptor.
@function btf:load_into_kernel
@treturn btf itself
@failslog
@raise while there is a dump of it; if it is an object's
@usage local btf = assert(lbpf.btf_new_empty())
btf:add_int("int", 4, "signed")
assert(btf:load_into_kernel())
print(btf:fd())
btf:set_fd(nil) -- from here on the descriptor is not the BTF's any more
@see btf__load_into_kernel
*/
static int load_into_kernel(lua_State *L)
{
	struct owner *b = btf_check_mine(L, 1, "load_into_kernel");
	struct frame f;
	int err;

	btf_enter(L, &f, b, b);
	err = btf__load_into_kernel(btf_of(b));
	btf_leave(&f, b);
	if (err)
		return value_fail_logged(L, &f, value_errno(err), "load BTF '%s' into the kernel",
					 b->name);
	lua_settop(L, 1);
	return 1;
}

void btfquery_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"type_cnt", type_cnt},
		{"base_btf", base_btf},
		{"find_by_name", find_by_name},
		{"find_by_name_kind", find_by_name_kind},
		{"find_enumerator", find_enumerator},
		{"type_by_id", type_by_id},
		{"each_type", each_type},
		{"resolve_type", resolve_type},
		{"resolve_size", resolve_size},
		{"align_of", align_of},
		{"str_by_offset", str_by_offset},
		{"name_by_offset", name_by_offset},
		{"codec", btf_codec},
		{"raw_data", raw_data},
		{"fd", fd},
		{"set_fd", set_fd},
		{"pointer_size", pointer_size},
		{"set_pointer_size", set_pointer_size},
		{"endianness", endianness},
		{"set_endianness", set_endianness},
		{"load_into_kernel", load_into_kernel},
		{NULL, NULL},
	};

	btf_add_methods(L, methods);
}
