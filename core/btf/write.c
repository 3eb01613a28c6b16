#include "btf/write.h"

#include "base/value.h"
#include "btf/btf.h"
#include <string.h>

/*** @module lbpf */
/*** Writing types.
Types refer to each other by id, also to types that are added later; the next id is
`btf:type_cnt()`. A structure's fields, an enum's values and the like are added to the last type.
Calls that follow references, such as `btf:dedup` and `btf:codec`, raise if an id does not exist or
a type contains itself. Id 0 is void. All raise while there is a dump of the BTF or
BTF on top of it, and if it is an object's.

    local types = assert(lbpf.btf_new_empty())
    local int = types:add_int("int", 4, "signed")
    local point = types:add_struct("point", 8)
    types:add_field("x", int, 0):add_field("y", int, 32)
    local bytes = types:raw_data()
@section types_added
@usage local btf = assert(lbpf.btf_new_empty())
local int = btf:add_int("int", 4, "signed")
local double = btf:add_float("double", 8)
local name = btf:add_array(int, btf:add_int("char", 1, "char"), 16)
btf:add_struct("event", 32)
btf:add_field("value", double, 0):add_field("name", name, 64)
btf:add_field("flag", int, 192, 1) -- one bit
btf:add_union(nil, 8)
btf:add_field("i", int, 0):add_field("d", double, 0)

local pointer = btf:add_ptr(btf:add_const(btf:add_fwd("file", "struct")))
btf:add_typedef("file_t", btf:add_volatile(btf:add_restrict(pointer)))
btf:add_type_tag("rcu", int)
btf:add_enum("state", 4)
btf:add_enum_value("OPEN", 0):add_enum_value("CLOSED", 1)
btf:add_enum64("big", 8)
btf:add_enum64_value("HUGE", 2 ^ 40)
print(btf:dump_c())
*/

#if LBPF_HEADERS(1, 6)
#pragma weak btf__add_type_attr
#endif

/* Arguments ------------------------------------------------------------------------------- */

const char *write_check_name(lua_State *L, int arg)
{
	size_t len;
	const char *name = luaL_checklstring(L, arg, &len);

	luaL_argcheck(L, len > 0, arg, "expected a name, not ''");
	luaL_argcheck(L, strlen(name) == len, arg, "a name must not contain zero bytes");
	return name;
}

const char *write_opt_name(lua_State *L, int arg)
{
	return lua_isnoneornil(L, arg) ? NULL : write_check_name(L, arg);
}

int write_check_type(lua_State *L, int arg)
{
	return (int)value_check_int(L, arg, 0, INT32_MAX);
}

__u32 write_check_u32(lua_State *L, int arg)
{
	return (__u32)value_check_int(L, arg, 0, UINT32_MAX);
}

/* A size that is a power of 2, up to MAX. */
static __u32 check_type_size(lua_State *L, int arg, __u32 max)
{
	__u32 size = (__u32)value_check_int(L, arg, 1, max);

	if (size & (size - 1))
		luaL_argerror(L, arg, "the size must be a power of 2");
	return size;
}

struct btf *write_check_last(lua_State *L, const char *operation, unsigned kind, unsigned other,
			     const char *what)
{
	struct btf *btf = btf_of(btf_change(L, 1, operation));
	const struct btf *base = btf__base_btf(btf);
	__u32 n = btf__type_cnt(btf);
	const struct btf_type *last = btf__type_by_id(btf, n - 1);

	if (n == (base ? btf__type_cnt(base) : 1) ||
	    (btf_kind(last) != kind && btf_kind(last) != other))
		luaL_error(L, "%s: the last type is no %s", operation, what);
	if (btf_vlen(last) == WRITE_VLEN_MAX)
		luaL_error(L, "%s: the last type has %d already, and can have no more", operation,
			   WRITE_VLEN_MAX);
	return btf;
}

/* Results --------------------------------------------------------------------------------- */

int write_push_added(lua_State *L, const char *operation, int id)
{
	if (id < 0)
		return value_fail(L, value_errno(id), "%s", operation);
	lua_pushinteger(L, id);
	return 1;
}

int write_push_self(lua_State *L, const char *operation, int ret)
{
	if (ret < 0)
		return value_fail(L, value_errno(ret), "%s", operation);
	lua_settop(L, 1);
	return 1;
}

/* Scalars --------------------------------------------------------------------------------- */

/*** Adds an integer type.
@function btf:add_int
@tparam string name
@tparam integer size 1, 2, 4, 8 or 16 bytes
@tparam ?string encoding "signed", "char" or "bool"; else it is unsigned
@treturn integer id
@fails
@see btf__add_int
*/
static int add_int(lua_State *L)
{
	static const char *const names[] = {"unsigned", "signed", "char", "bool", NULL};
	static const int encodings[] = {0, BTF_INT_SIGNED, BTF_INT_CHAR, BTF_INT_BOOL};
	const char *name = write_check_name(L, 2);
	__u32 size = check_type_size(L, 3, 16);
	int encoding = encodings[luaL_checkoption(L, 4, "unsigned", names)];
	struct owner *b = btf_change(L, 1, "add_int");

	return write_push_added(L, "add_int", btf__add_int(btf_of(b), name, size, encoding));
}

/*** Adds a type of floating point numbers.
@function btf:add_float
@tparam string name
@tparam integer size 2, 4, 8, 12 or 16 bytes
@treturn integer id
@fails
@see btf__add_float
*/
static int add_float(lua_State *L)
{
	const char *name = write_check_name(L, 2);
	__u32 size = (__u32)value_check_int(L, 3, 2, 16);
	struct owner *b;

	luaL_argcheck(L, size == 2 || size == 4 || size == 8 || size == 12 || size == 16, 3,
		      "floating point numbers have 2, 4, 8, 12 or 16 bytes");
	b = btf_change(L, 1, "add_float");
	return write_push_added(L, "add_float", btf__add_float(btf_of(b), name, size));
}

/* References ------------------------------------------------------------------------------ */

static int add_ref(lua_State *L, const char *operation, int (*function)(struct btf *, int))
{
	int type = write_check_type(L, 2);
	struct owner *b = btf_change(L, 1, operation);

	return write_push_added(L, operation, function(btf_of(b), type));
}

static int add_named_ref(lua_State *L, const char *operation,
			 int (*function)(struct btf *, const char *, int))
{
	const char *name = write_check_name(L, 2);
	int type = write_check_type(L, 3);
	struct owner *b = btf_change(L, 1, operation);

	return write_push_added(L, operation, function(btf_of(b), name, type));
}

/*** Adds a type of pointers.
@function btf:add_ptr
@tparam integer type id of what they point to; 0: void
@treturn integer id
@fails
@see btf__add_ptr
*/
static int add_ptr(lua_State *L)
{
	return add_ref(L, "add_ptr", btf__add_ptr);
}

/*** Adds "volatile" and a type.
@function btf:add_volatile
@tparam integer type id
@treturn integer id
@fails
@see btf__add_volatile
*/
static int add_volatile(lua_State *L)
{
	return add_ref(L, "add_volatile", btf__add_volatile);
}

/*** Adds "const" and a type.
@function btf:add_const
@tparam integer type id
@treturn integer id
@fails
@see btf__add_const
*/
static int add_const(lua_State *L)
{
	return add_ref(L, "add_const", btf__add_const);
}

/*** Adds "restrict" and a type.
@function btf:add_restrict
@tparam integer type id
@treturn integer id
@fails
@see btf__add_restrict
*/
static int add_restrict(lua_State *L)
{
	return add_ref(L, "add_restrict", btf__add_restrict);
}

/*** Adds another name of a type.
@function btf:add_typedef
@tparam string name
@tparam integer type id
@treturn integer id
@fails
@see btf__add_typedef
*/
static int add_typedef(lua_State *L)
{
	return add_named_ref(L, "add_typedef", btf__add_typedef);
}

/*** Adds a tagged type, as `__attribute__((btf_type_tag(value)))` makes it.
@function btf:add_type_tag
@tparam string value
@tparam integer type id
@treturn integer id
@fails
@see btf__add_type_tag
*/
static int add_type_tag(lua_State *L)
{
	return add_named_ref(L, "add_type_tag", btf__add_type_tag);
}

/*** Adds a type with an attribute.
@function btf:add_type_attr
@tparam string value the attribute
@tparam integer type id
@treturn integer id
@fails EOPNOTSUPP before libbpf 1.6
@needs libbpf 1.6
@usage local btf = assert(lbpf.btf_new_empty())
btf:add_type_attr("packed", btf:add_int("int", 4, "signed"))
@see btf__add_type_attr
*/
static int add_type_attr(lua_State *L)
{
#if LBPF_HEADERS(1, 6)
	if (compat_libbpf(1, 6))
		return add_named_ref(L, "add_type_attr", btf__add_type_attr);
#endif
	return value_needs_libbpf(L, "add_type_attr", 1, 6);
}

/*** Adds a type that is only declared.
@function btf:add_fwd
@tparam string name
@tparam string kind "struct", "union" or "enum"
@treturn integer id
@fails
@see btf__add_fwd
*/
static int add_fwd(lua_State *L)
{
	static const char *const kinds[] = {"struct", "union", "enum", NULL}; /* as in btf.h */
	const char *name = write_check_name(L, 2);
	int kind = luaL_checkoption(L, 3, NULL, kinds);
	struct owner *b = btf_change(L, 1, "add_fwd");

	return write_push_added(L, "add_fwd",
				btf__add_fwd(btf_of(b), name, (enum btf_fwd_kind)kind));
}

/*** Adds a type of arrays.
@function btf:add_array
@tparam integer index_type id of an integer type
@tparam integer type id of an element
@tparam integer nelems how many elements
@treturn integer id
@fails
@see btf__add_array
*/
static int add_array(lua_State *L)
{
	int index = write_check_type(L, 2), type = write_check_type(L, 3);
	__u32 n = write_check_u32(L, 4);
	struct owner *b = btf_change(L, 1, "add_array");

	return write_push_added(L, "add_array", btf__add_array(btf_of(b), index, type, n));
}

/* Structures and enums -------------------------------------------------------------------- */

static int add_composite(lua_State *L, const char *operation,
			 int (*function)(struct btf *, const char *, __u32))
{
	const char *name = write_opt_name(L, 2);
	__u32 size = write_check_u32(L, 3);
	struct owner *b = btf_change(L, 1, operation);

	return write_push_added(L, operation, function(btf_of(b), name, size));
}

/*** Adds a structure, without fields yet.
@function btf:add_struct
@tparam ?string name
@tparam integer size in bytes
@treturn integer id
@fails
@see btf__add_struct
*/
static int add_struct(lua_State *L)
{
	return add_composite(L, "add_struct", btf__add_struct);
}

/*** Adds a union, without fields yet.
@function btf:add_union
@tparam ?string name
@tparam integer size in bytes
@treturn integer id
@fails
@see btf__add_union
*/
static int add_union(lua_State *L)
{
	return add_composite(L, "add_union", btf__add_union);
}

/*** Adds a field to the last type, which must be a structure or a union.
@function btf:add_field
@tparam ?string name
@tparam integer type id
@tparam integer offset in bits; 0 in a union; below 16777216 for a bitfield
@tparam ?integer bitfield_size in bits, up to 255: only for a bitfield
@treturn btf itself
@fails
@see btf__add_field
*/
static int add_field(lua_State *L)
{
	const char *name = write_opt_name(L, 2);
	int type = write_check_type(L, 3);
	__u32 offset = write_check_u32(L, 4), bits = 0;
	struct btf *btf;

	if (!lua_isnoneornil(L, 5))
		bits = (__u32)value_check_int(L, 5, 0, 255);
	luaL_argcheck(L, bits || offset % 8 == 0, 4, "only a bitfield may start inside of a byte");
	luaL_argcheck(L, !bits || offset <= 0xffffff, 4, "a bitfield must start below 16777216");
	btf = write_check_last(L, "add_field", BTF_KIND_STRUCT, BTF_KIND_UNION, "struct or union");
	luaL_argcheck(L, !offset || !btf_is_union(btf__type_by_id(btf, btf__type_cnt(btf) - 1)), 4,
		      "fields of a union must start at 0");
	return write_push_self(L, "add_field", btf__add_field(btf, name, type, offset, bits));
}

/*** Adds an enum, without values yet.
@function btf:add_enum
@tparam ?string name
@tparam integer size 1, 2, 4 or 8 bytes
@treturn integer id
@fails
@see btf__add_enum
*/
static int add_enum(lua_State *L)
{
	const char *name = write_opt_name(L, 2);
	__u32 size = check_type_size(L, 3, 8);
	struct owner *b = btf_change(L, 1, "add_enum");

	return write_push_added(L, "add_enum", btf__add_enum(btf_of(b), name, size));
}

/*** Adds a value to the last type, which must be an enum. With a negative value the enum is signed.
@function btf:add_enum_value
@tparam string name
@tparam integer value of 32 bits, signed or not
@treturn btf itself
@fails
@see btf__add_enum_value
*/
static int add_enum_value(lua_State *L)
{
	const char *name = write_check_name(L, 2);
	int64_t value = value_check_int(L, 3, INT32_MIN, UINT32_MAX);
	struct btf *btf =
		write_check_last(L, "add_enum_value", BTF_KIND_ENUM, BTF_KIND_ENUM, "enum");

	return write_push_self(L, "add_enum_value", btf__add_enum_value(btf, name, value));
}

/*** Adds an enum whose values may have 64 bits, without values yet.
@function btf:add_enum64
@tparam ?string name
@tparam integer size 1, 2, 4 or 8 bytes
@tparam ?boolean signed
@treturn integer id
@fails
@see btf__add_enum64
*/
static int add_enum64(lua_State *L)
{
	const char *name = write_opt_name(L, 2);
	__u32 size = check_type_size(L, 3, 8);
	bool is_signed = lua_toboolean(L, 4);
	struct owner *b = btf_change(L, 1, "add_enum64");

	return write_push_added(L, "add_enum64", btf__add_enum64(btf_of(b), name, size, is_signed));
}

/*** Adds a value to the last type, which must be an enum of 64 bits.
@function btf:add_enum64_value
@tparam string name
@tparam integer value
@treturn btf itself
@fails
@see btf__add_enum64_value
*/
static int add_enum64_value(lua_State *L)
{
	const char *name = write_check_name(L, 2);
	uint64_t value = value_check_u64(L, 3);
	struct btf *btf =
		write_check_last(L, "add_enum64_value", BTF_KIND_ENUM64, BTF_KIND_ENUM64, "enum64");

	return write_push_self(L, "add_enum64_value", btf__add_enum64_value(btf, name, value));
}

void btfwrite_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"add_int", add_int},
		{"add_float", add_float},
		{"add_ptr", add_ptr},
		{"add_volatile", add_volatile},
		{"add_const", add_const},
		{"add_restrict", add_restrict},
		{"add_typedef", add_typedef},
		{"add_type_tag", add_type_tag},
		{"add_type_attr", add_type_attr},
		{"add_fwd", add_fwd},
		{"add_array", add_array},
		{"add_struct", add_struct},
		{"add_union", add_union},
		{"add_field", add_field},
		{"add_enum", add_enum},
		{"add_enum_value", add_enum_value},
		{"add_enum64", add_enum64},
		{"add_enum64_value", add_enum64_value},
		{NULL, NULL},
	};

	btf_add_methods(L, methods);
}
