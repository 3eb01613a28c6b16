#include "object/progattr.h"

#include "base/field.h"
#include "base/value.h"
#include "object/object.h"
#include "object/program.h"

/*** @module lbpf */
/*** Loaded programs
@section loaded_programs
@usage assert(object.progs.leave:unload())
assert(object:close_program_fds()) -- of all the others
*/

#if LBPF_HEADERS(1, 6)
#pragma weak bpf_program__func_info
#pragma weak bpf_program__func_info_cnt
#pragma weak bpf_program__line_info
#pragma weak bpf_program__line_info_cnt
#endif

/*** Closes the program's descriptor: the kernel frees the program unless a link or a pin refers to
it. The rest of the object stays.
@function program:unload
@treturn program itself
@raise if the program is not loaded; inside a callback of its object
@see bpf_program__unload
*/
static int program_unload(lua_State *L)
{
	struct owner *owner;
	struct bpf_program *prog = program_check_loaded(L, 1, &owner);

	owner_check_idle(L, owner, "unload");
	bpf_program__unload(prog);
	lua_settop(L, 1);
	return 1;
}

/*** Closes the descriptors of all programs of the object, as `program:unload` does for one. A
process with such a descriptor may attach the program, so processes that are forked and drop their
privileges should not inherit them. Links, pins and maps keep their programs.
@function object:close_program_fds
@treturn object itself
@raise if the object is not loaded; inside a callback of it
@see bpf_program__unload
*/
static int object_close_program_fds(lua_State *L)
{
	struct owner *owner = object_check(L, 1);
	struct bpf_program *prog;

	owner_check_idle(L, owner, "close_program_fds");
	if (!object_is_loaded(owner))
		return luaL_error(L, "object '%s' is not loaded", owner->name);
	bpf_object__for_each_program(prog, object_of(owner))
	{
		if (bpf_program__fd(prog) >= 0)
			bpf_program__unload(prog);
	}
	lua_settop(L, 1);
	return 1;
}

/* Where instructions come from ------------------------------------------------------------- */

#if LBPF_HEADERS(1, 6)
static const struct field func_info_fields[] = {
	FIELD(struct bpf_func_info, insn_off, FIELD_U32),
	FIELD(struct bpf_func_info, type_id, FIELD_U32),
	FIELDS_END,
};

static const struct field line_info_fields[] = {
	FIELD(struct bpf_line_info, insn_off, FIELD_U32),
	FIELD(struct bpf_line_info, file_name_off, FIELD_U32),
	FIELD(struct bpf_line_info, line_off, FIELD_U32),
	FIELD(struct bpf_line_info, line_col, FIELD_U32),
	FIELDS_END,
};

/* Pushes the N structures at RECORDS as a list of tables. NULL: libbpf has freed them. */
static void push_records(lua_State *L, const void *records, uint32_t n, size_t size,
			 const struct field *fields)
{
	if (value_pointer_error(records))
		n = 0;
	lua_createtable(L, (int)n, 0);
	for (uint32_t i = 0; i < n; i++) {
		lua_newtable(L);
		for (const struct field *f = fields; f->name; f++) {
			field_push(L, f, (const char *)records + i * size);
			lua_setfield(L, -2, f->name);
		}
		lua_rawseti(L, -2, (int)i + 1);
	}
}
#endif

/*** Returns the functions of the program. libbpf knows them after it has relocated the program.
@function program:func_info
@treturn {table,...} `insn_off`, the index of the first instruction, and `type_id`, the function's
id in the object's BTF
@fails EOPNOTSUPP before libbpf 1.6
@needs libbpf 1.6
@usage local prog = object.progs.enter
assert(prog:func_info_cnt() == #prog:func_info())
for _, line in ipairs(prog:line_info()) do
  print(line.insn_off, line.line_num)
end
print(prog:line_info_cnt())
@see bpf_program__func_info
*/
static int program_func_info(lua_State *L)
{
	const struct bpf_program *prog = program_check(L, 1, NULL);

#if LBPF_HEADERS(1, 6)
	if (compat_libbpf(1, 6)) {
		push_records(L, bpf_program__func_info(prog), bpf_program__func_info_cnt(prog),
			     sizeof(struct bpf_func_info), func_info_fields);
		return 1;
	}
#endif
	(void)prog;
	return value_needs_libbpf(L, "program:func_info", 1, 6);
}

/*** The length of `program:func_info`.
@function program:func_info_cnt
@treturn integer
@fails EOPNOTSUPP before libbpf 1.6
@see bpf_program__func_info_cnt
*/
static int program_func_info_cnt(lua_State *L)
{
	const struct bpf_program *prog = program_check(L, 1, NULL);

#if LBPF_HEADERS(1, 6)
	if (compat_libbpf(1, 6)) {
		value_push_u32(L, bpf_program__func_info_cnt(prog));
		return 1;
	}
#endif
	(void)prog;
	return value_needs_libbpf(L, "program:func_info_cnt", 1, 6);
}

/*** Returns the source lines of the instructions.
@function program:line_info
@treturn {table,...} `insn_off`, the index of the first instruction; `file_name_off` and `line_off`,
offsets of the file name and the text in the strings of the object's BTF; `line_col`, 1024 times the
line plus the column
@fails EOPNOTSUPP before libbpf 1.6
@see bpf_program__line_info
*/
static int program_line_info(lua_State *L)
{
	const struct bpf_program *prog = program_check(L, 1, NULL);

#if LBPF_HEADERS(1, 6)
	if (compat_libbpf(1, 6)) {
		push_records(L, bpf_program__line_info(prog), bpf_program__line_info_cnt(prog),
			     sizeof(struct bpf_line_info), line_info_fields);
		return 1;
	}
#endif
	(void)prog;
	return value_needs_libbpf(L, "program:line_info", 1, 6);
}

/*** The length of `program:line_info`.
@function program:line_info_cnt
@treturn integer
@fails EOPNOTSUPP before libbpf 1.6
@see bpf_program__line_info_cnt
*/
static int program_line_info_cnt(lua_State *L)
{
	const struct bpf_program *prog = program_check(L, 1, NULL);

#if LBPF_HEADERS(1, 6)
	if (compat_libbpf(1, 6)) {
		value_push_u32(L, bpf_program__line_info_cnt(prog));
		return 1;
	}
#endif
	(void)prog;
	return value_needs_libbpf(L, "program:line_info_cnt", 1, 6);
}

void progattr_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"unload", program_unload},
		{"func_info", program_func_info},
		{"func_info_cnt", program_func_info_cnt},
		{"line_info", program_line_info},
		{"line_info_cnt", program_line_info_cnt},
		{NULL, NULL},
	};
	static const luaL_Reg object_methods[] = {{"close_program_fds", object_close_program_fds},
						  {NULL, NULL}};

	program_add_methods(L, methods);
	object_add_methods(L, object_methods);
}
