#include "btf/type.h"

#include "base/enum.h"
#include "base/value.h"

static const char *kind_name(int kind)
{
	static const char *const names[] = {
		"void", "int",     "ptr",      "array",    "struct",   "union",  "enum",
		"fwd",  "typedef", "volatile", "const",    "restrict", "func",   "func_proto",
		"var",  "datasec", "float",    "decl_tag", "type_tag", "enum64",
	};

	return kind >= 0 && (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

const struct enumeration enum_btf_kind = {"BTF kind", kind_name};

/* Each of these sets a field of the table on top of the stack. */

static void set_type_u32(lua_State *L, const char *key, __u32 value)
{
	value_push_u32(L, value);
	lua_setfield(L, -2, key);
}

static void set_bool(lua_State *L, const char *key, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, key);
}

static void set_name(lua_State *L, const struct btf *btf, __u32 offset)
{
	const char *name = offset ? btf__name_by_offset(btf, offset) : NULL;

	if (!name || !*name)
		return;
	lua_pushstring(L, name);
	lua_setfield(L, -2, "name");
}

static void set_linkage(lua_State *L, __u32 linkage)
{
	static const char *const names[] = {"static", "global", "extern"};

	if (linkage < sizeof(names) / sizeof(names[0]))
		lua_pushstring(L, names[linkage]);
	else
		lua_pushinteger(L, linkage);
	lua_setfield(L, -2, "linkage");
}

/* Each of these pushes the i-th part of a type. */

typedef void part_fn(lua_State *L, const struct btf *btf, const struct btf_type *t, unsigned i);

static void push_member(lua_State *L, const struct btf *btf, const struct btf_type *t, unsigned i)
{
	const struct btf_member *m = &btf_members(t)[i];
	__u32 bits = btf_member_bitfield_size(t, i);

	lua_createtable(L, 0, bits ? 4 : 3);
	set_name(L, btf, m->name_off);
	set_type_u32(L, "type", m->type);
	set_type_u32(L, "offset", btf_member_bit_offset(t, i));
	if (bits)
		set_type_u32(L, "bitfield_size", bits);
}

static void push_value(lua_State *L, const struct btf *btf, const struct btf_type *t, unsigned i)
{
	const struct btf_enum *e = &btf_enum(t)[i];

	lua_createtable(L, 0, 2);
	set_name(L, btf, e->name_off);
	if (btf_kflag(t))
		lua_pushinteger(L, e->val);
	else
		value_push_u32(L, (__u32)e->val);
	lua_setfield(L, -2, "value");
}

/* Of struct btf_enum64, which older kernel headers lack: name, low word, high word. */
static void push_value64(lua_State *L, const struct btf *btf, const struct btf_type *t, unsigned i)
{
	const __u32 *e = (const __u32 *)(t + 1) + (size_t)3 * i;
	__u64 value = (__u64)e[2] << 32 | e[1];

	lua_createtable(L, 0, 2);
	set_name(L, btf, e[0]);
	if (btf_kflag(t))
		value_push_s64(L, (int64_t)value);
	else
		value_push_address(L, value); /* the kernel's own types have such */
	lua_setfield(L, -2, "value");
}

static void push_param(lua_State *L, const struct btf *btf, const struct btf_type *t, unsigned i)
{
	const struct btf_param *p = &btf_params(t)[i];

	lua_createtable(L, 0, 2);
	set_name(L, btf, p->name_off);
	set_type_u32(L, "type", p->type);
}

static void push_var(lua_State *L, const struct btf *btf, const struct btf_type *t, unsigned i)
{
	const struct btf_var_secinfo *v = &btf_var_secinfos(t)[i];

	(void)btf;
	lua_createtable(L, 0, 3);
	set_type_u32(L, "type", v->type);
	set_type_u32(L, "offset", v->offset);
	set_type_u32(L, "size", v->size);
}

static void set_parts(lua_State *L, const char *key, part_fn *push, const struct btf *btf,
		      const struct btf_type *t)
{
	unsigned n = btf_vlen(t);

	lua_createtable(L, (int)n, 0);
	for (unsigned i = 0; i < n; i++) {
		push(L, btf, t, i);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lua_setfield(L, -2, key);
}

static void set_int(lua_State *L, const struct btf_type *t)
{
	__u8 encoding = btf_int_encoding(t);

	set_type_u32(L, "size", t->size);
	set_type_u32(L, "bits", btf_int_bits(t));
	set_type_u32(L, "offset", btf_int_offset(t));
	set_bool(L, "signed", encoding & BTF_INT_SIGNED);
	set_bool(L, "char", encoding & BTF_INT_CHAR);
	set_bool(L, "bool", encoding & BTF_INT_BOOL);
}

static void set_enum(lua_State *L, const struct btf *btf, const struct btf_type *t)
{
	set_type_u32(L, "size", t->size);
	set_bool(L, "signed", btf_kflag(t));
	set_parts(L, "values", btf_is_enum(t) ? push_value : push_value64, btf, t);
}

/* Sets the fields of the type's kind in the table on top of the stack. */
static void set_rest(lua_State *L, const struct btf *btf, const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		set_int(L, t);
		break;
	case BTF_KIND_FLOAT:
		set_type_u32(L, "size", t->size);
		break;
	case BTF_KIND_TYPE_TAG:
		set_bool(L, "attribute", btf_kflag(t));
		/* fall through */
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
		set_type_u32(L, "type", t->type);
		break;
	case BTF_KIND_ARRAY:
		set_type_u32(L, "type", btf_array(t)->type);
		set_type_u32(L, "index_type", btf_array(t)->index_type);
		set_type_u32(L, "nelems", btf_array(t)->nelems);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		set_type_u32(L, "size", t->size);
		set_parts(L, "members", push_member, btf, t);
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		set_enum(L, btf, t);
		break;
	case BTF_KIND_FWD:
		lua_pushstring(L, btf_kflag(t) ? "union" : "struct");
		lua_setfield(L, -2, "fwd_kind");
		break;
	case BTF_KIND_FUNC: /* its linkage is where other kinds have the number of their parts */
		set_type_u32(L, "type", t->type);
		set_linkage(L, btf_vlen(t));
		break;
	case BTF_KIND_FUNC_PROTO:
		set_type_u32(L, "type", t->type);
		set_parts(L, "params", push_param, btf, t);
		break;
	case BTF_KIND_VAR:
		set_type_u32(L, "type", t->type);
		set_linkage(L, btf_var(t)->linkage);
		break;
	case BTF_KIND_DATASEC:
		set_type_u32(L, "size", t->size);
		set_parts(L, "vars", push_var, btf, t);
		break;
	case BTF_KIND_DECL_TAG:
		set_type_u32(L, "type", t->type);
		lua_pushinteger(L, *(const __s32 *)(t + 1));
		lua_setfield(L, -2, "component_idx");
		set_bool(L, "attribute", btf_kflag(t));
		break;
	default:
		break;
	}
}

int btftype_push(lua_State *L, const struct btf *btf, __u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	if (!t)
		return value_none(L);
	lua_createtable(L, 0, 6);
	set_type_u32(L, "id", id);
	enum_push(L, btf_kind(t), &enum_btf_kind);
	lua_setfield(L, -2, "kind");
	set_name(L, btf, t->name_off);
	set_rest(L, btf, t);
	return 1;
}
