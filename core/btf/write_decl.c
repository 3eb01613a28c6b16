#include "btf/write.h"

#include "base/value.h"
#include "btf/btf.h"

/*** @module lbpf */
/*** Writing types
@section types_added
@usage local btf = assert(lbpf.btf_new_empty())
local int = btf:add_int("int", 4, "signed")
local pointer = btf:add_ptr(0) -- to void
local proto = btf:add_func_proto(int)
btf:add_func_param("ctx", pointer)
local main = btf:add_func("main", "global", proto)
local count = btf:add_var("count", "global", int)
btf:add_datasec(".bss", 4)
btf:add_datasec_var_info(count, 0, 4)
btf:add_decl_tag("entry", main)
btf:add_decl_tag("context", main, 0) -- of its first parameter
*/

#if LBPF_HEADERS(1, 6)
#pragma weak btf__add_decl_attr
#endif

/* As in BTF; the same for functions and variables. */
static int check_linkage(lua_State *L, int arg)
{
	static const char *const linkages[] = {"static", "global", "extern", NULL};

	return luaL_checkoption(L, arg, NULL, linkages);
}

/*** Adds a function.
@function btf:add_func
@tparam string name
@tparam string linkage "static", "global" or "extern"
@tparam integer type id of a `btf:add_func_proto`
@treturn integer id
@fails
@see btf__add_func
*/
static int add_func(lua_State *L)
{
	const char *name = write_check_name(L, 2);
	int linkage = check_linkage(L, 3), type = write_check_type(L, 4);
	struct owner *b = btf_change(L, 1, "add_func");

	return write_push_added(
		L, "add_func",
		btf__add_func(btf_of(b), name, (enum btf_func_linkage)linkage, type));
}

/*** Adds a type of functions, without parameters yet.
@function btf:add_func_proto
@tparam integer type id of the result; 0: void
@treturn integer id
@fails
@see btf__add_func_proto
*/
static int add_func_proto(lua_State *L)
{
	int type = write_check_type(L, 2);
	struct owner *b = btf_change(L, 1, "add_func_proto");

	return write_push_added(L, "add_func_proto", btf__add_func_proto(btf_of(b), type));
}

/*** Adds a parameter to the last type, which must be one of functions.
@function btf:add_func_param
@tparam ?string name nil, with type 0, for "..."
@tparam integer type id
@treturn btf itself
@fails
@see btf__add_func_param
*/
static int add_func_param(lua_State *L)
{
	const char *name = write_opt_name(L, 2);
	int type = write_check_type(L, 3);
	struct btf *btf = write_check_last(L, "add_func_param", BTF_KIND_FUNC_PROTO,
					   BTF_KIND_FUNC_PROTO, "type of functions");

	return write_push_self(L, "add_func_param", btf__add_func_param(btf, name, type));
}

/*** Adds a variable.
@function btf:add_var
@tparam string name
@tparam string linkage "static", "global" or "extern"
@tparam integer type id
@treturn integer id
@fails
@see btf__add_var
*/
static int add_var(lua_State *L)
{
	const char *name = write_check_name(L, 2);
	int linkage = check_linkage(L, 3), type = write_check_type(L, 4);
	struct owner *b = btf_change(L, 1, "add_var");

	return write_push_added(L, "add_var", btf__add_var(btf_of(b), name, linkage, type));
}

/*** Adds a section of variables, without any yet.
@function btf:add_datasec
@tparam string name ".maps" or ".bss", for example
@tparam integer size in bytes
@treturn integer id
@fails
@see btf__add_datasec
*/
static int add_datasec(lua_State *L)
{
	const char *name = write_check_name(L, 2);
	__u32 size = write_check_u32(L, 3);
	struct owner *b = btf_change(L, 1, "add_datasec");

	return write_push_added(L, "add_datasec", btf__add_datasec(btf_of(b), name, size));
}

/*** Adds a variable to the last type, which must be a section of variables.
@function btf:add_datasec_var_info
@tparam integer var id of a `btf:add_var`
@tparam integer offset in the section, in bytes
@tparam integer size in bytes
@treturn btf itself
@fails
@see btf__add_datasec_var_info
*/
static int add_datasec_var_info(lua_State *L)
{
	int var = write_check_type(L, 2);
	__u32 offset = write_check_u32(L, 3), size = write_check_u32(L, 4);
	struct btf *btf = write_check_last(L, "add_datasec_var_info", BTF_KIND_DATASEC,
					   BTF_KIND_DATASEC, "section of variables");

	return write_push_self(L, "add_datasec_var_info",
			       btf__add_datasec_var_info(btf, var, offset, size));
}

static int add_decl(lua_State *L, const char *operation,
		    int (*function)(struct btf *, const char *, int, int))
{
	const char *value = write_check_name(L, 2);
	int type = write_check_type(L, 3);
	int component =
		lua_isnoneornil(L, 4) ? -1 : (int)value_check_int(L, 4, -1, WRITE_VLEN_MAX - 1);
	struct owner *b = btf_change(L, 1, operation);

	return write_push_added(L, operation, function(btf_of(b), value, type, component));
}

/*** Adds a tag of a declaration, as `__attribute__((btf_decl_tag(value)))` makes it.
@function btf:add_decl_tag
@tparam string value
@tparam integer type id of a struct, union, func, var or typedef
@tparam ?integer component_idx a field or parameter, counted from 0; -1 or nil: the type itself
@treturn integer id
@fails
@see btf__add_decl_tag
*/
static int add_decl_tag(lua_State *L)
{
	return add_decl(L, "add_decl_tag", btf__add_decl_tag);
}

/*** Adds an attribute of a declaration.
@function btf:add_decl_attr
@tparam string value the attribute
@tparam integer type id of a struct, union, func, var or typedef
@tparam ?integer component_idx as for `btf:add_decl_tag`
@treturn integer id
@fails EOPNOTSUPP before libbpf 1.6
@needs libbpf 1.6
@usage local btf = assert(lbpf.btf_new_empty())
local main = btf:add_func("main", "global", btf:add_func_proto(btf:add_int("int", 4, "signed")))
btf:add_decl_attr("noreturn", main)
@see btf__add_decl_attr
*/
static int add_decl_attr(lua_State *L)
{
#if LBPF_HEADERS(1, 6)
	if (compat_libbpf(1, 6))
		return add_decl(L, "add_decl_attr", btf__add_decl_attr);
#endif
	return value_needs_libbpf(L, "add_decl_attr", 1, 6);
}

void btfwrite_decl_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"add_func", add_func},
		{"add_func_proto", add_func_proto},
		{"add_func_param", add_func_param},
		{"add_var", add_var},
		{"add_datasec", add_datasec},
		{"add_datasec_var_info", add_datasec_var_info},
		{"add_decl_tag", add_decl_tag},
		{"add_decl_attr", add_decl_attr},
		{NULL, NULL},
	};

	btf_add_methods(L, methods);
}
