#include "kernel/linfo.h"

#include "base/frame.h"
#include "base/value.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*** @module lbpf */
/*** Source lines of loaded programs
@section source_lines
@usage local lines = assert(lbpf.prog_linfo(object.progs.enter))
local line = lines:lfind(0)
print(line and line.line_num)
local info = assert(lbpf.prog_get_info_by_fd(object.progs.enter, {jited_ksyms = true}))
print(info.jited_ksyms and lines:lfind_addr_func(info.jited_ksyms[1], 0))
assert(lines:close())
*/

static const char LINFO[] = "lbpf.prog_linfo";

struct linfo {
	struct bpf_prog_linfo *lines;
	struct btf *btf; /* the program's BTF, with the text of lines; NULL if it cannot be read */
};

/* The program's lists, and how long the kernel says they are. */
struct line_lists {
	void *lines, *jited_lines, *ksyms, *lengths;
};

static void free_lists(struct line_lists *lists)
{
	free(lists->lines);
	free(lists->jited_lines);
	free(lists->ksyms);
	free(lists->lengths);
}

static int read_info(int fd, struct bpf_prog_info *info)
{
	__u32 size = sizeof(*info);

	return bpf_obj_get_info_by_fd(fd, info, &size) ? errno : 0;
}

static void *list(__u32 n, __u32 size)
{
	return calloc((size_t)n + 1, size ? size : 1);
}

/* Reads INFO with its lists about lines. Returns 0 or an error number. */
static int read_lists(int fd, struct bpf_prog_info *info, struct line_lists *lists)
{
	struct bpf_prog_info has = {0};
	int err = read_info(fd, &has);

	if (err)
		return err;
	lists->lines = list(has.nr_line_info, has.line_info_rec_size);
	lists->jited_lines = list(has.nr_jited_line_info, has.jited_line_info_rec_size);
	lists->ksyms = list(has.nr_jited_ksyms, sizeof(__u64));
	lists->lengths = list(has.nr_jited_func_lens, sizeof(__u32));
	if (!lists->lines || !lists->jited_lines || !lists->ksyms || !lists->lengths)
		return ENOMEM;
	*info = (struct bpf_prog_info){
		.nr_line_info = has.nr_line_info,
		.line_info_rec_size = has.line_info_rec_size,
		.line_info = (__u64)(uintptr_t)lists->lines,
		.nr_jited_line_info = has.nr_jited_line_info,
		.jited_line_info_rec_size = has.jited_line_info_rec_size,
		.jited_line_info = (__u64)(uintptr_t)lists->jited_lines,
		.nr_jited_ksyms = has.nr_jited_ksyms,
		.jited_ksyms = (__u64)(uintptr_t)lists->ksyms,
		.nr_jited_func_lens = has.nr_jited_func_lens,
		.jited_func_lens = (__u64)(uintptr_t)lists->lengths,
	};
	err = read_info(fd, info);
	if (!err && info->line_info_rec_size < sizeof(struct bpf_line_info))
		err = ENODATA; /* also without lines */
	return err;
}

/*** Returns the source lines of a loaded program, if it was compiled with -g.
@function prog_linfo
@tparam program|integer prog a loaded program, or a descriptor of one
@treturn prog_linfo
@fails ENODATA if the kernel has no lines
@see bpf_prog_linfo__new
*/
static int new_linfo(lua_State *L)
{
	int fd = value_check_fd(L, 1), err;
	struct bpf_prog_info info = {0};
	struct line_lists lists = {0};
	struct frame f;
	struct linfo *l = class_push(L, LINFO, sizeof(*l), 0);

	frame_enter(L, &f, NULL, 0);
	err = read_lists(fd, &info, &lists);
	if (!err) {
		l->lines = bpf_prog_linfo__new(&info);
		err = value_pointer_error(l->lines);
		if (err)
			l->lines = NULL;
	}
	free_lists(&lists);
	if (!err) {
		l->btf = btf__load_from_kernel_by_id(info.btf_id);
		if (value_pointer_error(l->btf))
			l->btf = NULL;
	}
	frame_leave(&f);
	if (err)
		return value_fail_logged(L, &f, err, "lines of program with fd %d", fd);
	return 1;
}

static struct linfo *check_linfo(lua_State *L, int arg)
{
	struct linfo *l = class_check(L, arg, LINFO);

	luaL_argcheck(L, l->lines, arg, "the lines are closed");
	return l;
}

static void set_line_text(lua_State *L, const struct linfo *l, const char *key, __u32 offset)
{
	lua_pushstring(L, l->btf ? btf__str_by_offset(l->btf, offset) : NULL);
	lua_setfield(L, -2, key);
}

static int push_line(lua_State *L, const struct linfo *l, const struct bpf_line_info *line)
{
	if (value_pointer_error(line))
		return value_none(L);
	lua_createtable(L, 0, 5);
	value_push_u32(L, line->insn_off);
	lua_setfield(L, -2, "insn_off");
	set_line_text(L, l, "file", line->file_name_off);
	set_line_text(L, l, "text", line->line_off);
	value_push_u32(L, BPF_LINE_INFO_LINE_NUM(line->line_col));
	lua_setfield(L, -2, "line");
	value_push_u32(L, BPF_LINE_INFO_LINE_COL(line->line_col));
	lua_setfield(L, -2, "col");
	return 1;
}

/*** Returns the line of an instruction.
@function prog_linfo:lfind
@tparam integer insn_off the instruction's index in the program as the kernel runs it, from 0
@tparam ?integer nr_skip how many records to skip, to continue after an earlier result; nil: 0
@treturn ?table `insn_off` of the line's first instruction, `file`, `line`, `col`, and `text` of the
line; nil if there is none. `file` and `text` are nil if the program's BTF cannot be read
@see bpf_prog_linfo__lfind
*/
static int lfind(lua_State *L)
{
	const struct linfo *l = check_linfo(L, 1);
	__u32 insn_off = (__u32)value_check_int(L, 2, 0, UINT32_MAX), skip = 0;

	if (!lua_isnoneornil(L, 3))
		skip = (__u32)value_check_int(L, 3, 0, UINT32_MAX);
	return push_line(L, l, bpf_prog_linfo__lfind(l->lines, insn_off, skip));
}

/*** Returns the line of an address in the machine code.
@function prog_linfo:lfind_addr_func
@tparam integer addr
@tparam integer func_idx the index of the function in the program, from 0
@tparam ?integer nr_skip how many records to skip; nil: 0
@treturn ?table as for `prog_linfo:lfind`; nil if there is none, or if the kernel shows no addresses
@see bpf_prog_linfo__lfind_addr_func
*/
static int lfind_addr_func(lua_State *L)
{
	const struct linfo *l = check_linfo(L, 1);
	__u64 addr = value_check_u64(L, 2);
	__u32 func = (__u32)value_check_int(L, 3, 0, UINT32_MAX), skip = 0;

	if (!lua_isnoneornil(L, 4))
		skip = (__u32)value_check_int(L, 4, 0, UINT32_MAX);
	return push_line(L, l, bpf_prog_linfo__lfind_addr_func(l->lines, addr, func, skip));
}

static void shut_linfo(struct linfo *l)
{
	bpf_prog_linfo__free(l->lines);
	btf__free(l->btf);
	l->lines = NULL;
	l->btf = NULL;
}

/*** Frees the lines. A second call has no effect.
@function prog_linfo:close
@treturn boolean true
@see bpf_prog_linfo__free
*/
static int close_linfo(lua_State *L)
{
	shut_linfo(class_check(L, 1, LINFO));
	lua_pushboolean(L, 1);
	return 1;
}

static int linfo_gc(lua_State *L)
{
	shut_linfo(class_retire(L, LINFO));
	return 0;
}

void linfo_open(lua_State *L)
{
	static const luaL_Reg functions[] = {{"prog_linfo", new_linfo}, {NULL, NULL}};
	static const luaL_Reg methods[] = {{"lfind", lfind},
					   {"lfind_addr_func", lfind_addr_func},
					   {"close", close_linfo},
					   {NULL, NULL}};
	static const luaL_Reg meta[] = {{"__gc", linfo_gc}, {"__close", close_linfo}, {NULL, NULL}};

	class_new(L, LINFO, methods, meta);
	luaL_setfuncs(L, functions, 0);
}
