#include "object/write.h"

#include "base/fd.h"
#include "base/field.h"
#include "base/value.h"
#include "object/elf.h"
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*** @module lbpf */
/*** Writing object files.
`lbpf.elf` writes a relocatable ELF file for BPF, which `lbpf.open_mem`, libbpf and bpftool read. It
knows only ELF: a program is a section with instructions and a symbol; a map is a symbol in `.maps`
that `.BTF` describes (see `btf:add_int` and `btf:ext_data`).

    local bytes = lbpf.elf {
      sections = {
	{name = "xdp", flags = "ax", data = instructions},
	{name = "license", flags = "aw", data = "GPL\0"},
      },
      symbols = {{name = "drop", section = "xdp", size = #instructions, type = "func"}},
    }
    local object = assert(lbpf.open_mem(bytes))
@section objects_written
*/

/* The names of relocations and their numbers, of which <elf.h> has only two. */
enum { R_64_64 = 1, R_64_ABS64, R_64_ABS32, R_64_NODYLD32, R_64_32 = 10 };

struct options {
	const char *endianness;
};

/* Indexes on the Lua stack. */
enum { WHAT = 1, KEPT, SECTIONS, SYMBOLS };

/* Reading --------------------------------------------------------------------------------- */

/* Allocates an array for the N items of the list NAME, SIZE bytes each; the list is left below it.
 */
static void *push_item_list(lua_State *L, const char *name, size_t size, size_t *n)
{
	void *array;

	lua_getfield(L, WHAT, name);
	if (!lua_isnil(L, -1) && !lua_istable(L, -1))
		luaL_argerror(L, WHAT, lua_pushfstring(L, "option '%s' must be a list", name));
	*n = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
	if (*n >= SHN_LORESERVE)
		luaL_argerror(L, WHAT, lua_pushfstring(L, "option '%s' is too long", name));
	array = compat_newuserdata(L, (*n + 1) * size);
	memset(array, 0, (*n + 1) * size);
	return array;
}

/* Reads the I-th table of the list, which is below the array that is on top, and keeps its copy. */
static void read_item(lua_State *L, struct field_list *list, size_t i, const struct field *fields,
		      void *base)
{
	list->i = (int)i + 1;
	lua_rawgeti(L, -2, list->i);
	field_read_item(L, list, fields, base);
	lua_pushvalue(L, -1);
	lua_rawseti(L, KEPT, (int)lua_rawlen(L, KEPT) + 1);
}

/* The index of GIVEN in NAMES; DEFAULT if it is NULL. */
static int choose(lua_State *L, const struct field_list *list, const char *key, const char *given,
		  const char *const names[], int by_default)
{
	if (!given)
		return by_default;
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], given) == 0)
			return i;
	return field_wrong_item(L, list,
				lua_pushfstring(L, "no %s '%s': see lbpf.elf", key, given));
}

/* The section NAME, from 0. */
static size_t find_section(lua_State *L, const struct field_list *list, const char *name)
{
	size_t i;

	lua_getfield(L, SECTIONS, name);
	if (lua_isnil(L, -1))
		field_wrong_item(L, list, lua_pushfstring(L, "no section '%s'", name));
	i = (size_t)lua_tointeger(L, -1);
	lua_pop(L, 1);
	return i;
}

static void read_sections(lua_State *L, struct elf_file *file)
{
	static const struct field fields[] = {
		FIELD(struct elf_section, name, FIELD_STRING),
		FIELD(struct elf_section, type, FIELD_STRING),
		FIELD(struct elf_section, flags, FIELD_STRING),
		FIELD(struct elf_section, size, FIELD_U64),
		FIELD(struct elf_section, align, FIELD_U64),
		FIELD_BY_MODULE("data"),
		FIELDS_END,
	};
	static const char *const types[] = {"progbits", "nobits", NULL};
	struct field_list list = {.arg = WHAT, .name = "sections"};

	file->sections = push_item_list(L, list.name, sizeof(*file->sections), &file->n_sections);
	for (size_t i = 0; i < file->n_sections; i++) {
		struct elf_section *s = &file->sections[i];
		size_t size = 0;

		read_item(L, &list, i, fields, s);
		if (!s->name)
			field_wrong_item(L, &list, "'name' is missing");
		lua_getfield(L, -1, "data");
		if (choose(L, &list, "type", s->type, types, 0) == 0) {
			if (lua_type(L, -1) != LUA_TSTRING)
				field_wrong_item(L, &list, "'data' must be a string");
			s->data = lua_tolstring(L, -1, &size);
			s->size = size;
		} else if (!lua_isnil(L, -1)) {
			field_wrong_item(L, &list, "a section of type 'nobits' has no 'data'");
		}
		if (s->flags && s->flags[strspn(s->flags, "awx")])
			field_wrong_item(L, &list, "'flags' must consist of a, w and x");
		if (s->align & (s->align - 1))
			field_wrong_item(L, &list, "'align' must be a power of 2");
		lua_pop(L, 2);
		lua_getfield(L, SECTIONS, s->name);
		if (!lua_isnil(L, -1))
			field_wrong_item(L, &list, "another section has that name");
		lua_pop(L, 1);
		lua_pushinteger(L, (lua_Integer)i);
		lua_setfield(L, SECTIONS, s->name);
	}
}

/* Records the symbol that a name refers to; false if several have the name. */
static void index_symbol(lua_State *L, const char *name, size_t i)
{
	lua_getfield(L, SYMBOLS, name);
	if (lua_isnil(L, -1))
		lua_pushinteger(L, (lua_Integer)i);
	else
		lua_pushboolean(L, false);
	lua_setfield(L, SYMBOLS, name);
	lua_pop(L, 1);
}

static void read_symbols(lua_State *L, struct elf_file *file)
{
	static const struct field fields[] = {
		FIELD(struct elf_symbol, name, FIELD_STRING),
		FIELD(struct elf_symbol, section, FIELD_STRING),
		FIELD(struct elf_symbol, value, FIELD_U64),
		FIELD(struct elf_symbol, size, FIELD_U64),
		FIELD(struct elf_symbol, type, FIELD_STRING),
		FIELD(struct elf_symbol, bind, FIELD_STRING),
		FIELD(struct elf_symbol, visibility, FIELD_STRING),
		FIELDS_END,
	};
	/* in the order of <elf.h> */
	static const char *const types[] = {"notype", "object", "func", "section", NULL};
	static const char *const binds[] = {"local", "global", "weak", NULL};
	static const char *const visibilities[] = {"default", "internal", "hidden", "protected",
						   NULL};
	struct field_list list = {.arg = WHAT, .name = "symbols"};

	file->symbols = push_item_list(L, list.name, sizeof(*file->symbols), &file->n_symbols);
	for (size_t i = 0; i < file->n_symbols; i++) {
		struct elf_symbol *s = &file->symbols[i];
		int type, bind;
		uint64_t end;

		read_item(L, &list, i, fields, s);
		type = choose(L, &list, "type", s->type, types, STT_NOTYPE);
		bind = choose(L, &list, "bind", s->bind, binds,
			      type == STT_SECTION ? STB_LOCAL : STB_GLOBAL);
		s->info = ELF64_ST_INFO(bind, type);
		s->other = (unsigned char)choose(L, &list, "visibility", s->visibility,
						 visibilities, STV_DEFAULT);
		if (type == STT_SECTION && bind != STB_LOCAL)
			field_wrong_item(L, &list, "the symbol of a section must be local");
		if (type == STT_SECTION ? !s->section : !s->name)
			field_wrong_item(L, &list,
					 type == STT_SECTION ? "'section' is missing"
							     : "'name' is missing");
		if (s->section) {
			const struct elf_section *its;

			s->shndx = (Elf64_Section)(find_section(L, &list, s->section) + 1);
			its = &file->sections[s->shndx - 1];
			if (__builtin_add_overflow(s->value, s->size, &end) || end > its->size)
				field_wrong_item(L, &list, "it ends after the end of its section");
		}
		file->n_local += bind == STB_LOCAL;
		if (s->name)
			index_symbol(L, s->name, i);
		lua_pop(L, 1);
	}
}

/* The index of the symbol that the field `symbol` of the table on top refers to, from 0. */
static size_t find_symbol(lua_State *L, const struct field_list *list, size_t n)
{
	uint64_t index;

	lua_getfield(L, -1, "symbol");
	if (lua_type(L, -1) == LUA_TSTRING) {
		lua_pushvalue(L, -1);
		lua_rawget(L, SYMBOLS);
		if (lua_isnil(L, -1))
			field_wrong_item(L, list,
					 lua_pushfstring(L, "no symbol '%s'", lua_tostring(L, -2)));
		if (!lua_toboolean(L, -1))
			field_wrong_item(L, list,
					 lua_pushfstring(L,
							 "several symbols are called '%s': "
							 "use the index",
							 lua_tostring(L, -2)));
		index = (uint64_t)lua_tointeger(L, -1) + 1;
		lua_pop(L, 1);
	} else if (!value_to_u64(L, lua_gettop(L), &index) || index < 1 || index > n) {
		field_wrong_item(L, list, "'symbol' must be the name of a symbol, or its index");
	}
	lua_pop(L, 1);
	return (size_t)index - 1;
}

static void read_relocations(lua_State *L, struct elf_file *file)
{
	static const struct field fields[] = {
		FIELD(struct elf_relocation, section, FIELD_STRING),
		FIELD(struct elf_relocation, offset, FIELD_U64),
		FIELD(struct elf_relocation, type, FIELD_STRING),
		FIELD_BY_MODULE("symbol"),
		FIELDS_END,
	};
	static const char *const types[] = {"64_64",       "64_abs64", "64_abs32",
					    "64_nodyld32", "64_32",    NULL};
	static const unsigned char numbers[] = {R_64_64, R_64_ABS64, R_64_ABS32, R_64_NODYLD32,
						R_64_32};
	struct field_list list = {.arg = WHAT, .name = "relocations"};

	file->relocations =
		push_item_list(L, list.name, sizeof(*file->relocations), &file->n_relocations);
	for (size_t i = 0; i < file->n_relocations; i++) {
		struct elf_relocation *r = &file->relocations[i];
		const struct elf_section *s;
		uint64_t end;

		read_item(L, &list, i, fields, r);
		if (!r->section)
			field_wrong_item(L, &list, "'section' is missing");
		r->target = find_section(L, &list, r->section);
		s = &file->sections[r->target];
		r->number = numbers[choose(L, &list, "type", r->type, types, 0)];
		r->symbol = find_symbol(L, &list, file->n_symbols);
		if (!s->data || __builtin_add_overflow(r->offset, 8, &end) || end > s->size)
			field_wrong_item(L, &list,
					 "it changes 8 bytes, but its section ends before that");
		file->sections[r->target].n_relocations++;
		lua_pop(L, 1);
	}
}

/* Pushes a file's contents; or nil, message, errno. */
static int push_contents(lua_State *L, int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *buf;

	if (size < 0)
		return value_fail(L, errno, "elf");
	buf = compat_newuserdata(L, (size_t)size + 1);
	if (pread(fd, buf, (size_t)size, 0) != size)
		return value_fail(L, errno, "elf");
	lua_pushlstring(L, buf, (size_t)size);
	return 1;
}

/*** Writes an object file.
@function elf
@tparam table what lists of tables.
 `sections`: `name`; `data`, its bytes; `type`, "progbits", or "nobits" with a `size` instead of
 data; `flags`, the letters of "a" (it is loaded), "w" (written) and "x" (executed) that apply;
 `align`, 8 unless it is given.
 `symbols`, in any order: `name`; `section`, or none if it is defined elsewhere; `value`, the offset
 in that; `size`; `type`, "notype", "object", "func" or "section"; `bind`, "global", "local" or
 "weak"; `visibility`, "default", "internal", "hidden" or "protected".
 `relocations`: `section` and `offset` of the place to change; `symbol`, the name, or its index in
 `symbols` if it has none; `type`, "64_64" (a map or variable in an instruction of 16 bytes; the
 default), "64_32" (a call), "64_abs64", "64_abs32" or "64_nodyld32" (in data).
 `endianness`: "little" or "big"; else this machine's
@treturn string bytes
@fails
@usage local RETURN_2 = "\183\0\0\0\2\0\0\0\149\0\0\0\0\0\0\0"
local bytes = assert(lbpf.elf {
  sections = {
    {name = "xdp", flags = "ax", data = RETURN_2},
    {name = "license", flags = "aw", data = "GPL\0"},
  },
  symbols = {{name = "pass", section = "xdp", size = #RETURN_2, type = "func"}},
})
local pass = assert(lbpf.open_mem(bytes))
assert(pass:load())
@see object:load
*/
static int elf(lua_State *L)
{
	static const struct field fields[] = {
		FIELD_BY_MODULE("sections"),
		FIELD_BY_MODULE("symbols"),
		FIELD_BY_MODULE("relocations"),
		FIELD(struct options, endianness, FIELD_STRING),
		FIELDS_END,
	};
	static const char *const orders[] = {"little", "big", NULL};
	struct options options = {__BYTE_ORDER == __LITTLE_ENDIAN ? "little" : "big"};
	struct elf_file file = {0};
	const char *why = NULL;
	struct fd *fd;
	int number, n;

	luaL_checktype(L, WHAT, LUA_TTABLE);
	lua_settop(L, WHAT);
	field_read(L, WHAT, fields, &options);
	file.order = strcmp(options.endianness, orders[0]) == 0 ? ELFDATA2LSB : ELFDATA2MSB;
	luaL_argcheck(L, file.order == ELFDATA2LSB || strcmp(options.endianness, orders[1]) == 0,
		      WHAT, "option 'endianness' must be \"little\" or \"big\"");
	for (int i = KEPT; i <= SYMBOLS; i++)
		lua_newtable(L);
	read_sections(L, &file);
	read_symbols(L, &file);
	read_relocations(L, &file);
	file.strings = compat_newuserdata(L, elf_strings_size(&file));
	file.symtab = compat_newuserdata(L, (file.n_symbols + 1) * sizeof(*file.symtab));
	file.rels = compat_newuserdata(L, (file.n_relocations + 1) * sizeof(*file.rels));
	fd = fd_push(L);
	number = memfd_create("elf", MFD_CLOEXEC);
	if (number < 0)
		return value_fail(L, errno, "elf");
	fd_own(fd, number);
	if (!elf_write(&file, number, &why)) {
		errno = 0;
		return value_fail(L, EINVAL, "elf: %s", why);
	}
	n = push_contents(L, number);
	fd_disown(fd);
	close(number);
	return n;
}

void objwrite_open(lua_State *L)
{
	static const luaL_Reg functions[] = {{"elf", elf}, {NULL, NULL}};

	luaL_setfuncs(L, functions, 0);
}
