#include "symbol/symbols.h"

#include "base/class.h"
#include "base/value.h"
#include "symbol/debuginfod.h"
#include "symbol/dwarf.h"
#include "symbol/elfsyms.h"
#include "symbol/kallsyms.h"
#include <dlfcn.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/*** @module lbpf */
/*** Symbols: names for addresses
@section symbols
@usage local symbols = assert(lbpf.elf_symbols("/proc/self/exe"))
local names, addresses = symbols:match("lua*")
print(symbols:count(), symbols:build_id(), addresses[1] and symbols:find(addresses[1]), #names)
assert(symbols:close())
*/

static const char SYMBOLS[] = "lbpf.symbols";

struct symbols {
	struct symtab table;
	struct elffile_id id;
	bool closed;
};

/*** Reads the functions of the running kernel, of its modules and BPF programs.
@function kallsyms
@tparam ?string path another file like /proc/kallsyms
@treturn symbols by address
@fails EPERM if the kernel hides addresses from this process (kernel.kptr_restrict)
@usage local kernel = assert(lbpf.kallsyms())
print(kernel:find(0xffffffff81000123))
*/
static int kallsyms(lua_State *L)
{
	const char *path = luaL_optstring(L, 1, "/proc/kallsyms");
	struct symbols *s = class_push(L, SYMBOLS, sizeof(*s), 0);
	int err = kallsyms_read(path, &s->table);

	if (err == EPERM)
		return value_fail(L, err,
				  "kallsyms: the kernel hides addresses from this process, see "
				  "sysctl kernel.kptr_restrict");
	return err ? value_fail(L, err, "kallsyms '%s'", path) : 1;
}

/* Option `debuginfod` at 2. Returns 0 or an error number. */
static int read_asks(lua_State *L, bool *asks)
{
	if (!lua_isnoneornil(L, 2)) {
		luaL_checktype(L, 2, LUA_TTABLE);
		lua_getfield(L, 2, "debuginfod");
		*asks = lua_toboolean(L, -1);
	}
	return *asks ? debuginfod_check() : 0;
}

static int fail_asks(lua_State *L, int err)
{
	return value_fail(L, err, "debuginfod: %s",
			  err == EOPNOTSUPP ? "there is no libdebuginfod (Debian: libdebuginfod1)"
					    : "set DEBUGINFOD_URLS to the servers' addresses");
}

/*** Reads the functions of a program or library. For a stripped file it also reads the debug file
that the build id or .gnu_debuglink names.
@function elf_symbols
@tparam string path of the file
@tparam ?table opts `debuginfod` (boolean): where no debug file is found, servers are asked for it:
those that the environment variable DEBUGINFOD_URLS names. This takes as long as a download takes.
It needs elfutils' libdebuginfod. Without this option, no server is asked.
@treturn symbols by offset in the file
@fails ENOEXEC if it is not an ELF file; with `debuginfod`, EOPNOTSUPP without libdebuginfod, and
EDESTADDRREQ if no server is named
@usage local libc = assert(lbpf.elf_symbols("/lib/x86_64-linux-gnu/libc.so.6"))
*/
static int elf_symbols(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	bool asks = false;
	int err = read_asks(L, &asks);
	struct symbols *s;

	if (err)
		return fail_asks(L, err);
	s = class_push(L, SYMBOLS, sizeof(*s), 0);
	err = elfsyms_read(path, asks, &s->table, &s->id);
	return err ? value_fail(L, err, "symbols of '%s'", path) : 1;
}

static struct symbols *check(lua_State *L)
{
	struct symbols *s = class_check(L, 1, SYMBOLS);

	luaL_argcheck(L, !s->closed, 1, "the symbols were closed");
	return s;
}

/*** The function at an address.
@function symbols:find
@tparam integer address in the kernel, or the offset in the file
@treturn ?string the function's name; nil if there is none
@treturn ?integer the offset of the address in the function, in bytes
@treturn ?string the kernel module that contains it
*/
static int find(lua_State *L)
{
	const struct symbols *s = check(L);
	uint64_t addr = value_check_u64(L, 2);
	const struct symbol *symbol = symtab_find(&s->table, addr);

	if (!symbol)
		return value_none(L);
	lua_pushstring(L, symtab_name(&s->table, symbol));
	lua_pushinteger(L, (lua_Integer)(addr - symbol->addr));
	lua_pushstring(L, symtab_module(&s->table, symbol));
	return 3;
}

/*** The functions whose names fit a pattern, also where an address has several.
@function symbols:match
@tparam string pattern with `*`, `?` and `[...]`
@treturn {string,...} their names
@treturn {integer,...} the address of each, or the offset in the file; in Lua 5.1 and 5.2 one that a
number cannot represent is a string, "0xffffffff81000000"
@usage local symbols = assert(lbpf.elf_symbols("/bin/sh"))
for _, name in ipairs(symbols:match("str*")) do print(name) end
*/
static int match_symbols(lua_State *L)
{
	const struct symtab *t = &check(L)->table;
	const char *pattern = luaL_checkstring(L, 2);
	lua_Integer n = 0;

	lua_newtable(L);
	lua_newtable(L);
	for (size_t i = 0; i < t->all; i++) {
		const char *name = symtab_name(t, &t->symbols[i]);

		if (fnmatch(pattern, name, 0) != 0)
			continue;
		n++;
		lua_pushstring(L, name);
		lua_rawseti(L, -3, (int)n);
		value_push_address(L, t->symbols[i].addr);
		lua_rawseti(L, -2, (int)n);
	}
	return 2;
}

/*** How many functions there are.
@function symbols:count
@treturn integer
*/
static int count_symbols(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)check(L)->table.cnt);
	return 1;
}

/*** The build id of the file.
@function symbols:build_id
@treturn ?string bytes; nil if it has none
*/
static int build_id(lua_State *L)
{
	const struct symbols *s = check(L);

	if (!s->id.size)
		return value_none(L);
	lua_pushlstring(L, (const char *)s->id.bytes, s->id.size);
	return 1;
}

/*** Frees the symbols. Closing twice is harmless.
@function symbols:close
@treturn boolean true
*/
static int close_symbols(lua_State *L)
{
	struct symbols *s = class_check(L, 1, SYMBOLS);

	symtab_free(&s->table);
	s->closed = true;
	lua_pushboolean(L, 1);
	return 1;
}

static int symbols_gc(lua_State *L)
{
	symtab_free(&((struct symbols *)class_retire(L, SYMBOLS))->table);
	return 0;
}

typedef char *demangle_fn(const char *mangled, char *buffer, size_t *length, int *status);

/* __cxa_demangle() of the C++ runtime, if this machine has one. */
static demangle_fn *find_demangler(void)
{
	static atomic_uintptr_t found; /* by the first thread that needs it */
	uintptr_t fn = atomic_load(&found);
	void *library;

	if (!fn) {
		library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
		fn = library ? (uintptr_t)dlsym(library, "__cxa_demangle") : 0;
		atomic_store(&found, fn);
	}
	return (demangle_fn *)fn;
}

/*** Demangles the name of a C++ function, or of a Rust function in the older mangling. This needs
libstdc++, which the first call loads.
@function demangle
@tparam string name "_ZN3foo3barEv"
@treturn string "foo::bar()", at most 4095 bytes; the unchanged name if it is not mangled, or if
there is no libstdc++
@usage print(lbpf.demangle("_ZN3foo3barEv"))
*/
static int demangle(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	demangle_fn *fn = name[0] == '_' && name[1] == 'Z' ? find_demangler() : NULL;
	char *plain, text[4096];
	int status;

	lua_settop(L, 1);
	plain = fn ? fn(name, NULL, NULL, &status) : NULL;
	if (!plain)
		return 1;
	snprintf(text, sizeof(text), "%s", plain); /* freed before anything can raise */
	free(plain);
	lua_pushstring(L, text);
	return 1;
}

static const char LINES[] = "lbpf.lines";

struct lines {
	struct dwarf dwarf;
	bool open;
};

/*** Opens the debugging information of a program or library: in it, or in the debug file that its
build id or .gnu_debuglink names. This needs elfutils' libdw, which the first call loads.
@function elf_lines
@tparam string path of the file
@tparam ?table opts `debuginfod`: see `elf_symbols`
@treturn lines
@fails EOPNOTSUPP without libdw, ENODATA if there is no such information, ENOEXEC if it is not an
ELF file
@usage local lines, message = lbpf.elf_lines("/bin/sh")
if not lines then print(message) end
*/
static int elf_lines(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	bool asks = false;
	int err = read_asks(L, &asks);
	struct lines *l;

	if (err)
		return fail_asks(L, err);
	l = class_push(L, LINES, sizeof(*l), 0);
	err = dwarf_open(&l->dwarf, path, asks);
	l->open = !err;
	if (err == EOPNOTSUPP)
		return value_fail(L, err,
				  "elf_lines: there is no libdw (Debian: libdw1), or this build of "
				  "lbpf was made without its headers (libdw-dev)");
	if (err == ENODATA)
		return value_fail(L, err, "'%s' has no debugging information (cc -g)", path);
	return err ? value_fail(L, err, "lines of '%s'", path) : 1;
}

#define MOST_INLINED 64

/*** The functions at an offset of the file.
@function lines:find
@tparam integer offset in the file
@treturn ?{table,...} the innermost first, each inlined in the next: `name`, as the linker has it,
`file` and `line`, as far as they are known; nil if nothing is known
@usage local lines = lbpf.elf_lines("/bin/sh")
local found = lines and lines:find(0x1139) -- the innermost function is the first
if found then print(found[1].name, found[1].file, found[1].line) end
*/
static int find_lines(lua_State *L)
{
	const struct lines *l = class_check(L, 1, LINES);
	uint64_t offset = value_check_u64(L, 2);
	struct dwarf_frame frames[MOST_INLINED];
	size_t n;

	luaL_argcheck(L, l->open, 1, "the lines were closed");
	n = dwarf_find(&l->dwarf, offset, frames, MOST_INLINED);
	if (!n)
		return value_none(L);
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		lua_createtable(L, 0, 3);
		lua_pushstring(L, frames[i].function);
		lua_setfield(L, -2, "name");
		lua_pushstring(L, frames[i].file);
		lua_setfield(L, -2, "file");
		if (frames[i].line > 0) {
			lua_pushinteger(L, frames[i].line);
			lua_setfield(L, -2, "line");
		}
		lua_rawseti(L, -2, (int)i + 1);
	}
	return 1;
}

static void shut_lines(struct lines *l)
{
	if (l->open)
		dwarf_close(&l->dwarf);
	l->open = false;
}

/*** Frees the information. Closing twice is harmless.
@function lines:close
@treturn boolean true
*/
static int close_lines(lua_State *L)
{
	shut_lines(class_check(L, 1, LINES));
	lua_pushboolean(L, 1);
	return 1;
}

static int lines_gc(lua_State *L)
{
	shut_lines(class_retire(L, LINES));
	return 0;
}

void symbols_open(lua_State *L)
{
	static const luaL_Reg functions[] = {{"kallsyms", kallsyms},
					     {"elf_symbols", elf_symbols},
					     {"elf_lines", elf_lines},
					     {"demangle", demangle},
					     {NULL, NULL}};
	static const luaL_Reg methods[] = {{"find", find},           {"match", match_symbols},
					   {"count", count_symbols}, {"build_id", build_id},
					   {"close", close_symbols}, {NULL, NULL}};
	static const luaL_Reg meta[] = {
		{"__gc", symbols_gc}, {"__close", close_symbols}, {NULL, NULL}};

	static const luaL_Reg line_methods[] = {
		{"find", find_lines}, {"close", close_lines}, {NULL, NULL}};
	static const luaL_Reg line_meta[] = {
		{"__gc", lines_gc}, {"__close", close_lines}, {NULL, NULL}};

	class_new(L, SYMBOLS, methods, meta);
	class_new(L, LINES, line_methods, line_meta);
	luaL_setfuncs(L, functions, 0);
}
