/* libbpf prints in small pieces, and its callback cannot fail. So the pieces are collected, and
 * handed to the script once libbpf has returned.
 */
#include "btf/dump.h"

#include "base/field.h"
#include "base/value.h"
#include "btf/btf.h"
#include "check/btfrefs.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*** @module lbpf */
/*** Types in C, and values of types
@section types_written
@usage local btf = assert(lbpf.btf_parse("trace.bpf.o"))
local id = assert(btf:find_by_name("event"))
print(#btf:dump_c())
local dump = assert(lbpf.btf_dump(btf))
print(dump:dump_type(id))
print(dump:emit_type_decl(id, {field_name = "last"}))
print(dump:dump_type_data(id, ("\1"):rep(btf:resolve_size(id)), {compact = true}))
assert(dump:close())
*/

static const char DUMP[] = "lbpf.btf_dump";

/* The limit of a type's text with all that it needs. Real types take far less; a damaged size would
 * make libbpf print endless padding.
 */
#define TEXT_MAX ((size_t)64 << 20)

/* dump_c collects this much before it calls the script's function. */
#define CHUNK ((size_t)64 << 10)

/* libbpf reads whole words of bitfields, so values are copied with this many bytes after them. */
#define SLACK 16

struct dump {
	struct owner owner;
	struct owner *btf;
	struct btf_dump *d; /* NULL once closed */
	struct btfrefs decls, data;
	char *text;
	size_t len, size;
	int err; /* why text is missing */
};

struct dump_handle {
	struct dump *dump;
};

static struct dump *dump_from(struct owner *owner)
{
	return (struct dump *)owner;
}

/* libbpf's callback */
static void on_dump_print(void *ctx, const char *format, va_list ap)
{
	struct dump *dump = ctx;
	va_list again;
	int n;

	if (dump->err) /* libbpf goes on to the end, which may be far */
		return;
	va_copy(again, ap);
	n = vsnprintf(dump->text + dump->len, dump->size - dump->len, format, ap);
	if (n >= 0 && (size_t)n >= dump->size - dump->len) {
		size_t size = 2 * (dump->len + (size_t)n + 1);
		char *bigger = size <= TEXT_MAX ? realloc(dump->text, size) : NULL;

		if (bigger) {
			dump->text = bigger;
			dump->size = size;
			vsnprintf(bigger + dump->len, size - dump->len, format, again);
		} else {
			dump->err = size <= TEXT_MAX ? ENOMEM : E2BIG;
		}
	}
	if (n >= 0 && !dump->err)
		dump->len += (size_t)n;
	va_end(again);
}

static void print(struct dump *dump, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	on_dump_print(dump, format, ap);
	va_end(ap);
}

/* Making and closing ---------------------------------------------------------------------- */

static void shut_dump(struct owner *owner)
{
	struct dump *dump = dump_from(owner);

	if (dump->d) {
		btf_dump__free(dump->d);
		btf_thaw(dump->btf);
	}
	dump->d = NULL;
	dump->owner.closed = true;
	btfrefs_free(&dump->decls);
	btfrefs_free(&dump->data);
	free(dump->text);
	dump->text = NULL;
}

static void release_dump(struct owner *owner)
{
	struct dump *dump = dump_from(owner);

	shut_dump(owner);
	owner_unref(dump->btf);
	free(dump);
}

/* Pushes a dump of BTF; or nil, message, errno and is NULL. */
static struct dump *push_dump(lua_State *L, struct owner *btf)
{
	struct dump_handle *h = class_push(L, DUMP, sizeof(*h), 0);
	struct dump *dump = calloc(1, sizeof(*dump));
	struct frame f;
	int err;

	if (!dump)
		luaL_error(L, "not enough memory");
	h->dump = dump;
	dump->owner = (struct owner){
		.kind = "dump of", .name = btf->name, .release = release_dump, .refs = 1};
	dump->btf = owner_ref(btf);
	btf_require_sound(L, btf);
	btf_begin_read(btf);
	dump->size = 4096;
	dump->text = malloc(dump->size);
	if (!dump->text || !btfrefs_init(&dump->decls, btf_of(btf), BTFREFS_DECL) ||
	    !btfrefs_init(&dump->data, btf_of(btf), BTFREFS_DATA))
		luaL_error(L, "not enough memory");
	btf_enter(L, &f, btf, &dump->owner);
	dump->d = btf_dump__new(btf_of(btf), on_dump_print, dump, NULL);
	err = value_pointer_error(dump->d);
	if (err)
		dump->d = NULL;
	else
		btf_freeze(btf);
	btf_end_read(btf);
	btf_leave(&f, btf);
	if (!err)
		return dump;
	value_fail_logged(L, &f, err, "dump of BTF '%s'", btf->name);
	return NULL;
}

static struct dump *check_dump_handle(lua_State *L, int arg)
{
	return ((struct dump_handle *)class_check(L, arg, DUMP))->dump;
}

static struct dump *check_dump(lua_State *L, int arg, const char *operation)
{
	struct dump *dump = check_dump_handle(L, arg);

	owner_check_idle(L, &dump->owner, operation);
	btf_check_open(L, dump->btf);
	return dump;
}

/* Checks the argument FN: a function or nil. */
static void check_fn(lua_State *L, int fn)
{
	if (!lua_isnoneornil(L, fn))
		luaL_checktype(L, fn, LUA_TFUNCTION);
}

/*** Writes types in C. Each type is written once, after those that it needs. The BTF cannot be
changed while it has a dump.
@function btf_dump
@tparam btf btf
@tparam ?function fn called with the text of each call; without it the calls return the text
@treturn btf_dump
@fails
@see btf_dump__new
*/
static int btf_dump(lua_State *L)
{
	struct owner *btf = btf_check(L, 1);

	check_fn(L, 2);
	lua_settop(L, 2);
	if (!push_dump(L, btf))
		return 4;
	class_env(L, -1);
	lua_pushvalue(L, 1);
	lua_setfield(L, -2, "btf");
	lua_pushvalue(L, 2);
	lua_setfield(L, -2, "fn");
	lua_pop(L, 1);
	return 1;
}

/*** Ends the dump; the BTF can be changed again. A second call has no effect.
@function btf_dump:close
@treturn boolean true
@raise while libbpf works on it
@see btf_dump__free
*/
static int close_dump(lua_State *L)
{
	owner_close(L, &check_dump_handle(L, 1)->owner, shut_dump);
	lua_pushboolean(L, 1);
	return 1;
}

static int dump_gc(lua_State *L)
{
	struct dump_handle *h = class_retire(L, DUMP);

	if (h->dump)
		owner_unref(&h->dump->owner);
	return 0;
}

/* Types ----------------------------------------------------------------------------------- */

/* May libbpf write the type? Otherwise pushes nil, message, errno. */
static bool is_sound(lua_State *L, const struct dump *dump, struct btfrefs *refs, __u32 id)
{
	struct frame f;
	bool ok;

	btf_enter(L, &f, dump->btf, NULL);
	ok = btfrefs_check(refs, id);
	btf_leave(&f, dump->btf);
	if (!ok)
		value_fail(L, EINVAL, "dump type %u of '%s': type %u %s", id, dump->owner.name,
			   refs->id, refs->why);
	return ok;
}

static void enter_dump(lua_State *L, struct frame *f, struct dump *dump)
{
	btf_enter(L, f, dump->btf, &dump->owner);
	dump->len = 0;
	dump->err = 0;
}

/* Ends a dump: pushes the text and returns true; or pushes nil, message, errno. */
static bool leave_dump(lua_State *L, struct frame *f, struct dump *dump, int ret, __u32 id)
{
	int err = ret < 0 ? value_errno(ret) : dump->err;

	btf_leave(f, dump->btf);
	if (!err) {
		lua_pushlstring(L, dump->text, dump->len);
		return true;
	}
	value_fail_logged(L, f, err, "dump type %u of '%s'", id, dump->owner.name);
	return false;
}

/* Calls the dump's function, if it has one, with the text on top of the stack, and returns false.
 */
static bool keep_text(lua_State *L)
{
	class_env(L, 1);
	lua_getfield(L, -1, "fn");
	lua_remove(L, -2);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return true;
	}
	lua_insert(L, -2);
	lua_call(L, 1, 0);
	return false;
}

/*** Writes a type's definition, and those that it needs and were not written yet.
@function btf_dump:dump_type
@tparam integer id
@treturn string|btf_dump the text; itself if the dump has a function, which got the text
@fails
@see btf_dump__dump_type
*/
static int dump_type(lua_State *L)
{
	struct dump *dump = check_dump(L, 1, "dump_type");
	__u32 id = btf_check_id(L, 2, dump->btf);
	struct frame f;

	if (!is_sound(L, dump, &dump->decls, id))
		return 3;
	enter_dump(L, &f, dump);
	if (!leave_dump(L, &f, dump, btf_dump__dump_type(dump->d, id), id))
		return 4;
	if (!keep_text(L))
		lua_settop(L, 1);
	return 1;
}

static const struct field decl_fields[] = {
	FIELD(struct btf_dump_emit_type_decl_opts, field_name, FIELD_STRING),
	FIELD(struct btf_dump_emit_type_decl_opts, indent_level, FIELD_INT),
	FIELD(struct btf_dump_emit_type_decl_opts, strip_mods, FIELD_BOOL),
	FIELDS_END,
};

/*** Writes a type as in a declaration: "int (*f)(int)". The definition of an anonymous type is
written there.
@function btf_dump:emit_type_decl
@tparam integer id
@tparam ?table opts `field_name`: what is declared; `indent_level` of all lines but the first,
 0 to 100; `strip_mods`: without const, volatile and restrict
@treturn string|btf_dump the text; itself if the dump has a function, which got the text
@fails EINVAL if C has no such type
@see btf_dump__emit_type_decl
*/
static int emit_type_decl(lua_State *L)
{
	struct btf_dump_emit_type_decl_opts opts = {.sz = sizeof(opts), .field_name = ""};
	struct dump *dump = check_dump(L, 1, "emit_type_decl");
	__u32 id = btf_check_id(L, 2, dump->btf);
	const struct btf_type *t = btf__type_by_id(btf_of(dump->btf), id);
	struct frame f;

	lua_settop(L, 3);
	field_read(L, 3, decl_fields, &opts);
	luaL_argcheck(L, opts.indent_level >= 0 && opts.indent_level <= 100, 3,
		      "option 'indent_level' is out of range");
	if (btf_is_func(t) || btf_is_var(t) || btf_is_datasec(t) || btf_is_decl_tag(t))
		return value_fail(L, EINVAL, "declare type %u of '%s': C has no such type", id,
				  dump->owner.name);
	if (!is_sound(L, dump, &dump->decls, id))
		return 3;
	enter_dump(L, &f, dump);
	if (!leave_dump(L, &f, dump, btf_dump__emit_type_decl(dump->d, id, &opts), id))
		return 4;
	if (!keep_text(L))
		lua_settop(L, 1);
	return 1;
}

static const struct field data_fields[] = {
	FIELD(struct btf_dump_type_data_opts, indent_str, FIELD_STRING),
	FIELD(struct btf_dump_type_data_opts, indent_level, FIELD_INT),
	FIELD(struct btf_dump_type_data_opts, compact, FIELD_BOOL),
	FIELD(struct btf_dump_type_data_opts, skip_names, FIELD_BOOL),
	FIELD(struct btf_dump_type_data_opts, emit_zeroes, FIELD_BOOL),
	FIELD_FROM(1, 6, struct btf_dump_type_data_opts, emit_strings, FIELD_BOOL),
	FIELDS_END,
};

/* Pushes a copy of the value at ARG, aligned and with some bytes after it. */
static const void *push_aligned(lua_State *L, const char *data, size_t size)
{
	char *copy = compat_newuserdata(L, size + SLACK);

	memcpy(copy, data, size);
	memset(copy + size, 0, SLACK);
	return copy;
}

/*** Writes a value of a type: "(struct point){.x = (int)1,}".
@function btf_dump:dump_type_data
@tparam integer id
@tparam string data the value's bytes, at least as many as `btf:resolve_size` says
@tparam ?table opts `indent_str`, up to 31 bytes; `indent_level`, 0 to 100; `compact`: one line;
 `skip_names`; `emit_zeroes`: members that are 0, too; `emit_strings`: char arrays as strings
@treturn string|btf_dump the text; itself if the dump has a function, which got the text
@treturn integer how many bytes of the data were shown
@fails EINVAL for a type that has no values
@raise if the data are too short
@see btf_dump__dump_type_data
*/
static int dump_type_data(lua_State *L)
{
	struct btf_dump_type_data_opts opts = {.sz = sizeof(opts)};
	struct dump *dump = check_dump(L, 1, "dump_type_data");
	__u32 id = btf_check_id(L, 2, dump->btf);
	size_t size;
	const char *data = luaL_checklstring(L, 3, &size);
	__s64 needed = btf__resolve_size(btf_of(dump->btf), id);
	struct frame f;
	int ret;

	if (needed < 0)
		return value_fail(L, value_errno(needed), "dump data of type %u of '%s'", id,
				  dump->owner.name);
	if (size < (__u64)needed)
		return luaL_argerror(L, 3,
				     lua_pushfstring(L, "type %d of '%s' has %d bytes, not %d",
						     (int)id, dump->owner.name, (int)needed,
						     (int)size));
	lua_settop(L, 4);
	field_read(L, 4, data_fields, &opts);
	luaL_argcheck(L, opts.indent_level >= 0 && opts.indent_level <= 100, 4,
		      "option 'indent_level' is out of range");
	luaL_argcheck(L, !opts.indent_str || strlen(opts.indent_str) < 32, 4,
		      "option 'indent_str' is too long");
	if (!is_sound(L, dump, &dump->decls, id) || !is_sound(L, dump, &dump->data, id))
		return 3;
	data = push_aligned(L, data, size);
	enter_dump(L, &f, dump);
	ret = btf_dump__dump_type_data(dump->d, id, data, size + SLACK, &opts);
	if (!leave_dump(L, &f, dump, ret, id))
		return 4;
	if (!keep_text(L))
		lua_pushvalue(L, 1);
	lua_pushinteger(L, ret);
	return 2;
}

/* A header -------------------------------------------------------------------------------- */

static const char head[] =
	"#ifndef __VMLINUX_H__\n"
	"#define __VMLINUX_H__\n"
	"\n"
	"#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n"
	"#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)\n"
	"#endif\n"
	"\n";

static const char tail[] = "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n"
			   "#pragma clang attribute pop\n"
			   "#endif\n"
			   "\n"
			   "#endif /* __VMLINUX_H__ */\n";

/* Hands the text on top of the stack to the function at 2, or keeps it in the list at 3. */
static void hand_over(lua_State *L)
{
	if (lua_isfunction(L, 2)) {
		lua_pushvalue(L, 2);
		lua_insert(L, -2);
		lua_call(L, 1, 0);
	} else {
		lua_rawseti(L, 3, (int)lua_rawlen(L, 3) + 1);
	}
}

/* Writes types from ID on, about one chunk. Pushes the text and returns true; or pushes nil,
 * message, errno. Types that libbpf cannot write are named in a comment.
 */
static bool write_types(lua_State *L, struct dump *dump, __u32 *id, __u32 n)
{
	struct frame f;
	int ret = 0;

	enter_dump(L, &f, dump);
	for (; ret == 0 && *id < n && dump->len < CHUNK; ++*id) {
		if (btfrefs_check(&dump->decls, *id))
			ret = btf_dump__dump_type(dump->d, *id);
		else
			print(dump, "/* type %u is left out: type %u %s */\n\n", *id,
			      dump->decls.id, dump->decls.why);
	}
	return leave_dump(L, &f, dump, ret, *id - 1);
}

static int concat(lua_State *L, int list)
{
	int n = (int)lua_rawlen(L, list);
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, list, i);
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	return 1;
}

/*** Writes all types as one header, "vmlinux.h" if it is the kernel's BTF, so that BPF programs
that include it find fields where the running kernel has them. For BTF on top of a base, the types
that it needs of the base are written, too.
@function btf:dump_c
@tparam ?function fn called with the text, piece by piece; without it the text is returned
@treturn string|btf the text; itself if there is a function
@fails
@see btf_dump__dump_type
*/
static int dump_c(lua_State *L)
{
	struct owner *btf = btf_check(L, 1);
	const struct btf *base = btf__base_btf(btf_of(btf));
	__u32 n = btf__type_cnt(btf_of(btf)), id = base ? btf__type_cnt(base) : 1;
	struct dump *dump;

	check_fn(L, 2);
	lua_settop(L, 2);
	lua_newtable(L);
	dump = push_dump(L, btf);
	if (!dump)
		return 4;
	lua_pushstring(L, head);
	hand_over(L);
	while (id < n) {
		btf_check_open(L, btf); /* the function may have closed it */
		if (!write_types(L, dump, &id, n))
			return 4;
		hand_over(L);
	}
	lua_pushstring(L, tail);
	hand_over(L);
	shut_dump(&dump->owner);
	if (!lua_isfunction(L, 2))
		return concat(L, 3);
	lua_settop(L, 1);
	return 1;
}

static int dump_tostring(lua_State *L)
{
	const struct dump *dump = check_dump_handle(L, 1);

	lua_pushfstring(L, "lbpf.btf_dump: %s%s", dump->owner.closed ? "(closed)" : "",
			dump->owner.closed ? "" : dump->owner.name);
	return 1;
}

void btfdump_open(lua_State *L)
{
	static const luaL_Reg functions[] = {{"btf_dump", btf_dump}, {NULL, NULL}};
	static const luaL_Reg methods[] = {
		{"close", close_dump},
		{"dump_type", dump_type},
		{"emit_type_decl", emit_type_decl},
		{"dump_type_data", dump_type_data},
		{NULL, NULL},
	};
	static const luaL_Reg btf_methods[] = {{"dump_c", dump_c}, {NULL, NULL}};
	static const luaL_Reg meta[] = {{"__gc", dump_gc},
					{"__close", close_dump},
					{"__tostring", dump_tostring},
					{NULL, NULL}};

	class_new(L, DUMP, methods, meta);
	btf_add_methods(L, btf_methods);
	luaL_setfuncs(L, functions, 0);
}
