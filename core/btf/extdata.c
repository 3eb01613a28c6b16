#include "btf/extdata.h"

#include "base/field.h"
#include "base/value.h"
#include "btf/btf.h"
#include "btf/ext.h"
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*** @module lbpf */
/*** Writing types
@section types_added
*/

/* An item of any part, and its record, which starts with insn_off. */
struct item {
	const char *section, *file, *source, *access, *kind;
	__u32 offset, type, line, column;
	__u32 section_name; /* in the BTF's strings */
	union {
		__u32 insn_off;
		struct bpf_func_info func;
		struct bpf_line_info line_info;
		struct bpf_core_relo relo;
	} record;
};

struct ext_data_part {
	const char *name;
	const struct field *fields;
	size_t size; /* of a record */
	bool once;   /* the kernel accepts one per instruction */
	const char *(*fill)(struct item *item,
			    struct btf *btf); /* returns NULL, or what is wrong */
};

#define ITEM(member, kind) FIELD(struct item, member, kind)

static const struct field func_fields[] = {
	ITEM(section, FIELD_STRING),
	ITEM(offset, FIELD_U32),
	ITEM(type, FIELD_U32),
	FIELDS_END,
};

static const struct field line_fields[] = {
	ITEM(section, FIELD_STRING),
	ITEM(offset, FIELD_U32),
	ITEM(file, FIELD_STRING),
	ITEM(line, FIELD_U32),
	ITEM(column, FIELD_U32),
	ITEM(source, FIELD_STRING),
	FIELDS_END,
};

static const struct field relo_fields[] = {
	ITEM(section, FIELD_STRING), ITEM(offset, FIELD_U32),  ITEM(type, FIELD_U32),
	ITEM(access, FIELD_STRING),  ITEM(kind, FIELD_STRING), FIELDS_END,
};

/* Filling in records ------------------------------------------------------------------------ */

/* Adds a string and sets its offset; false if there is no memory. */
static bool add_ext_string(struct btf *btf, const char *text, __u32 *offset)
{
	int ret = btf__add_str(btf, text ? text : "");

	*offset = ret < 0 ? 0 : (__u32)ret;
	return ret >= 0;
}

static const char *fill_func(struct item *item, struct btf *btf)
{
	const struct btf_type *t = btf__type_by_id(btf, item->type);

	if (!t || !btf_is_func(t))
		return "'type' is not a function";
	item->record.func.type_id = item->type;
	return NULL;
}

static const char *fill_line(struct item *item, struct btf *btf)
{
	if (item->line > 0x3fffff || item->column > 0x3ff)
		return "the highest line is 4194303, the highest column 1023";
	item->record.line_info.line_col = item->line << 10 | item->column;
	if (!add_ext_string(btf, item->file, &item->record.line_info.file_name_off) ||
	    !add_ext_string(btf, item->source, &item->record.line_info.line_off))
		return "there is no memory for its strings";
	return NULL;
}

static const char *fill_relo(struct item *item, struct btf *btf)
{
	/* as enum bpf_core_relo_kind has them */
	static const char *const kinds[] = {
		"field_byte_offset", "field_byte_size",  "field_exists",   "field_signed",
		"field_lshift_u64",  "field_rshift_u64", "type_id_local",  "type_id_target",
		"type_exists",       "type_size",        "enumval_exists", "enumval_value",
		"type_matches",
	};
	unsigned kind = 0, n = sizeof(kinds) / sizeof(kinds[0]);

	if (!btf__type_by_id(btf, item->type))
		return "there is no such 'type'";
	while (kind < n && (!item->kind || strcmp(kinds[kind], item->kind) != 0))
		kind++;
	if (kind == n)
		return "'kind' must be a kind of relocation, such as \"field_byte_offset\"";
	item->record.relo.type_id = item->type;
	item->record.relo.kind = (enum bpf_core_relo_kind)kind;
	if (!add_ext_string(btf, item->access ? item->access : "0",
			    &item->record.relo.access_str_off))
		return "there is no memory for its strings";
	return NULL;
}

static const struct ext_data_part parts[] = {
	{"func_info", func_fields, sizeof(struct bpf_func_info), true, fill_func},
	{"line_info", line_fields, sizeof(struct bpf_line_info), true, fill_line},
	{"core_relo", relo_fields, sizeof(struct bpf_core_relo), false, fill_relo},
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

/* Sorts records by section, and by instruction. */
static int compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->section_name != y->section_name)
		return x->section_name < y->section_name ? -1 : 1;
	return x->record.insn_off < y->record.insn_off ? -1
						       : x->record.insn_off > y->record.insn_off;
}

/* Pushes the items of the part, sorted, and sets *N. */
static struct item *push_ext_items(lua_State *L, const struct ext_data_part *part, size_t *n)
{
	struct field_list list = {.arg = 2, .name = part->name};
	struct item *items;

	lua_getfield(L, 2, part->name);
	luaL_argcheck(L, lua_isnil(L, -1) || lua_istable(L, -1), 2,
		      "the lists in it must be tables");
	*n = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
	items = compat_newuserdata(L, (*n + 1) * sizeof(*items));
	memset(items, 0, (*n + 1) * sizeof(*items));
	for (size_t i = 0; i < *n; i++) {
		struct item *item = &items[i];
		const char *why;
		struct btf *btf;

		list.i = (int)i + 1;
		lua_rawgeti(L, -2, list.i);
		field_read_item(L, &list, part->fields, item);
		if (!item->section)
			field_wrong_item(L, &list, "'section' is missing");
		if (item->offset % 8)
			field_wrong_item(
				L, &list,
				"'offset' must be a multiple of 8, the size of an instruction");
		item->record.insn_off = item->offset;
		btf = btf_of(btf_check_mine(L, 1, "ext_data"));
		why = add_ext_string(btf, item->section, &item->section_name)
			      ? part->fill(item, btf)
			      : "there is no memory for its strings";
		if (why)
			field_wrong_item(L, &list, why);
		lua_pop(L, 1);
	}
	qsort(items, *n, sizeof(*items), compare);
	for (size_t i = 1; part->once && i < *n; i++)
		if (compare(&items[i - 1], &items[i]) == 0)
			luaL_argerror(L, 2,
				      lua_pushfstring(L, "%s: '%s' has two of offset %d",
						      part->name,
						      btf__str_by_offset(btf_of(btf_check(L, 1)),
									 items[i].section_name),
						      (int)items[i].record.insn_off));
	return items;
}

static void add_u32(luaL_Buffer *b, __u32 value)
{
	luaL_addlstring(b, (const char *)&value, sizeof(value));
}

/* How many items, from the first on, belong to the same section. */
static size_t run_length(const struct item *items, size_t n)
{
	size_t i = 1;

	while (i < n && items[i].section_name == items[0].section_name)
		i++;
	return i;
}

static __u32 part_size(const struct ext_data_part *part, const struct item *items, size_t n)
{
	size_t size = n ? 4 : 0, run;

	for (; n > 0; n -= run, items += run) {
		run = run_length(items, n);
		size += 8 + run * part->size;
	}
	return (__u32)size;
}

static void add_part(luaL_Buffer *b, const struct ext_data_part *part, const struct item *items,
		     size_t n)
{
	size_t run;

	if (n)
		add_u32(b, (__u32)part->size);
	for (; n > 0; n -= run, items += run) {
		run = run_length(items, n);
		add_u32(b, items[0].section_name);
		add_u32(b, (__u32)run);
		for (size_t i = 0; i < run; i++)
			luaL_addlstring(b, (const char *)&items[i].record, part->size);
	}
}

/*** Writes a section .BTF.ext: the function and the line of instructions, and the relocations by
which libbpf adjusts them to the kernel's types. Call it before `btf:raw_data`, because it adds
strings to the BTF. It has this machine's byte order.

    local ext = types:ext_data {
      func_info = {{section = "xdp", offset = 0, type = func}},
      line_info = {{section = "xdp", offset = 0, file = "a.lua", line = 1, source = "return 2"}},
      core_relo = {{section = "xdp", offset = 8, type = task, access = "0:3",
		    kind = "field_byte_offset"}},
    }

@function btf:ext_data
@tparam table info up to three lists of tables, in any order. All have `section`, the name, and
 `offset`, that of the instruction in the section, in bytes.
 `func_info`: a function starts there; `type`: the id of its `btf:add_func`.
 `line_info`: instructions from there on belong to a line; `file`, `line`, `column`, `source`, its
text. `core_relo`: `type`: the id; `access`: which part of it, in LLVM's notation, "0:2:1"; `kind`:
what the relocation is of: "field_byte_offset", "field_byte_size", "field_exists", "field_signed",
 "field_lshift_u64", "field_rshift_u64", "type_id_local", "type_id_target", "type_exists",
 "type_size", "enumval_exists", "enumval_value", "type_matches"
@treturn string the section's bytes
@raise while there is a dump of it or BTF on top of it; if it is an object's
@usage local btf = assert(lbpf.btf_new_empty())
local main = btf:add_func("pass", "global", btf:add_func_proto(btf:add_int("int", 4, "signed")))
local bytes = btf:ext_data {
  func_info = {{section = "xdp", offset = 0, type = main}},
  line_info = {{section = "xdp", offset = 0, file = "a.lua", line = 1, source = "return 2"}},
}
print(#bytes)
@see btf:add_func
*/
static int ext_data(lua_State *L)
{
	static const struct field fields[] = {FIELD_BY_MODULE("func_info"),
					      FIELD_BY_MODULE("line_info"),
					      FIELD_BY_MODULE("core_relo"), FIELDS_END};
	struct ext_header h = {.magic = BTF_MAGIC, .version = BTF_VERSION, .hdr_len = sizeof(h)};
	struct item *items[PARTS];
	size_t n[PARTS];
	luaL_Buffer b;

	btf_check_mine(L, 1, "ext_data");
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 2);
	field_read(L, 2, fields, NULL);
	for (int i = 0; i < PARTS; i++)
		items[i] = push_ext_items(L, &parts[i], &n[i]);
	h.func_info_len = part_size(&parts[0], items[0], n[0]);
	h.line_info_off = h.func_info_off + h.func_info_len;
	h.line_info_len = part_size(&parts[1], items[1], n[1]);
	h.core_relo_off = h.line_info_off + h.line_info_len;
	h.core_relo_len = part_size(&parts[2], items[2], n[2]);
	luaL_buffinit(L, &b);
	luaL_addlstring(&b, (const char *)&h, sizeof(h));
	for (int i = 0; i < PARTS; i++)
		add_part(&b, &parts[i], items[i], n[i]);
	luaL_pushresult(&b);
	return 1;
}

void extdata_open(lua_State *L)
{
	static const luaL_Reg methods[] = {{"ext_data", ext_data}, {NULL, NULL}};

	btf_add_methods(L, methods);
}
