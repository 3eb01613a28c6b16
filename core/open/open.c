#include "open/open.h"

#include "base/field.h"
#include "base/frame.h"
#include "base/names.h"
#include "base/value.h"
#include "check/btfcheck.h"
#include "check/elf.h"
#include "check/guard.h"
#include "map/map.h"
#include "map/vars.h"
#include "object/handler.h"
#include "object/object.h"
#include "object/program.h"
#include "object/registry.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*** @module lbpf */
/*** Opening objects
@section opening
*/

static const struct field open_fields[] = {
	FIELD(struct bpf_object_open_opts, object_name, FIELD_STRING),
	FIELD(struct bpf_object_open_opts, relaxed_maps, FIELD_BOOL),
	FIELD(struct bpf_object_open_opts, pin_root_path, FIELD_STRING),
	FIELD(struct bpf_object_open_opts, kconfig, FIELD_STRING),
	FIELD(struct bpf_object_open_opts, btf_custom_path, FIELD_STRING),
	FIELD(struct bpf_object_open_opts, kernel_log_size, FIELD_SIZE),
	FIELD(struct bpf_object_open_opts, kernel_log_level, FIELD_U32),
	FIELD_FROM(1, 4, struct bpf_object_open_opts, bpf_token_path, FIELD_STRING),
	FIELDS_END,
};

/* One call of lbpf.open() or lbpf.open_mem(). */
struct opening {
	const struct elf_source *source;
	struct bpf_object_open_opts *opts;
	const char *name;
	struct owner *owner;
	struct handler_needs *needs;
	int handle, env; /* stack indexes */
	struct frame frame;
};

/* Before libbpf --------------------------------------------------------------------------- */

/* Is it safe to let libbpf read the source? Else pushes nil, message, errno. */
static bool check_source(lua_State *L, const struct opening *o)
{
	char why[160];

	if (!btfcheck_source(L, o->source, why, sizeof(why))) {
		value_fail(L, EINVAL, "open '%s': %s", o->name, why);
		return false;
	}
	return true;
}

/* Pushes a buffer with the names of the source's program sections. */
static const char *push_sections(lua_State *L, const struct elf_source *source, size_t *size)
{
	size_t capacity = elf_program_sections(source, NULL, 0);
	char *names = compat_newuserdata(L, capacity + 1);

	*size = elf_program_sections(source, names, capacity);
	return names;
}

/* Pushes the object, and what the script's handlers need for its sections. */
static void prepare_open(lua_State *L, struct opening *o)
{
	struct bpf_object_open_opts *opts = o->opts;
	const char *sections;
	size_t size;

	o->owner = object_push(L, o->name);
	o->env = lua_gettop(L);
	o->handle = o->env - 1;
	if (opts->kernel_log_size) {
		/* older kernels refuse a smaller buffer, and their message would be lost */
		luaL_argcheck(L, opts->kernel_log_size >= 128 && opts->kernel_log_size <= 1 << 28,
			      2, "option 'kernel_log_size' is not in 128 to 268435456");
		opts->kernel_log_buf = object_alloc_log(L, o->owner, opts->kernel_log_size);
	}
	sections = push_sections(L, o->source, &size);
	o->needs = handler_begin(L, o->env, sections, size);
}

/* libbpf --------------------------------------------------------------------------------- */

/* Locks the registry, and enters the frame; -EBUSY if another object keeps libbpf's array from
 * changing. */
static int enter_open(lua_State *L, struct opening *o)
{
	for (bool again = false;; again = true) {
		int err;

		frame_enter(L, &o->frame, o->owner, o->env);
		o->frame.subject = o->needs;
		err = registry_begin(object_registry_user(o->owner), o->needs->list, o->needs->n);
		if (err != -EBUSY || again)
			return err;
		frame_leave(&o->frame);
		lua_gc(L, LUA_GCCOLLECT, 0); /* the other object may be garbage */
	}
}

/* Opens, which calls the handlers' setup functions. Returns 0, -errno from the registry, or
 * libbpf's error number.
 */
static int call_libbpf(lua_State *L, struct opening *o)
{
	struct bpf_object *obj = NULL;
	int err = enter_open(L, o);

	if (!err) {
		obj = bpf_object__open_mem(o->source->image, o->source->size, o->opts);
		err = value_pointer_error(obj);
		registry_end(object_registry_user(o->owner), !err);
	}
	object_set(o->owner,
		   err ? NULL
		       : obj); /* if it failed, programs that setup functions saw are closed */
	frame_leave(&o->frame);
	handler_end(L, o->env);
	return err;
}

/* After libbpf --------------------------------------------------------------------------- */

/* The map's name for scripts. libbpf prefixes ".rodata" and the like with a part of the file's
 * name. */
static const char *map_key(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);
	const char *section = bpf_map__is_internal(map) ? strchr(name, '.') : NULL;

	return section ? section : name;
}

/* Creates the handles of programs and maps, by name and by address, and the object's variables. */
static void collect(lua_State *L, struct owner *owner, int env)
{
	struct bpf_program *prog;
	struct bpf_map *map;

	lua_getfield(L, env, "progs");
	bpf_object__for_each_program(prog, object_of(owner))
	{
		program_push(L, owner, prog, env);
		lua_setfield(L, -2, bpf_program__name(prog));
	}
	names_make_strict(L, "program", owner->name);
	lua_getfield(L, env, "maps");
	bpf_object__for_each_map(map, object_of(owner))
	{
		map_push(L, owner, map, env);
		lua_setfield(L, -2, map_key(map));
	}
	names_make_strict(L, "map", owner->name);
	vars_push(L, owner, env);
	lua_pop(L, 3);
}

/* The section of a program that a script's handler should have got, but did not. */
static const char *missed(lua_State *L, struct owner *owner, int env,
			  const struct handler_needs *needs)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, object_of(owner))
	{
		const char *section = bpf_program__section_name(prog);

		if (handler_push(L, env, prog)) {
			lua_pop(L, 1);
			continue;
		}
		for (size_t i = 0; i < needs->n; i++)
			if (needs->list[i].sec && strcmp(needs->list[i].section, section) == 0)
				return section;
	}
	return NULL;
}

/* Gives the object its parts. If it has something that a script must not get, closes it, pushes
 * nil, message, errno and returns false.
 */
static bool finish_open(lua_State *L, struct opening *o)
{
	const char *stray = guard_stray_struct_ops(object_of(o->owner)), *stolen;

	if (stray) {
		value_fail(L, EINVAL, "open '%s': map '%s' is struct_ops in SEC(\".maps\")",
			   o->name, stray);
		object_shut(o->owner);
		return false;
	}
	collect(L, o->owner, o->env);
	stolen = missed(L, o->owner, o->env, o->needs);
	if (stolen) {
		value_fail(L, EBUSY,
			   "open '%s': SEC(\"%s\") was taken by another user of libbpf in this "
			   "process, before the script's handler",
			   o->name, stolen);
		object_shut(o->owner);
		return false;
	}
	return true;
}

static int open_source(lua_State *L, const struct elf_source *source,
		       struct bpf_object_open_opts *opts, const char *name)
{
	struct opening o = {.source = source, .opts = opts, .name = name};
	int err;

	if (!check_source(L, &o))
		return 3;
	prepare_open(L, &o);
	err = call_libbpf(L, &o);
	if (err == -EBUSY)
		return value_fail(L, EBUSY,
				  "open '%s': a handler overrides libbpf's own SEC(), and object "
				  "'%s' must be loaded or closed first",
				  name, object_registry_user(o.owner)->holder);
	if (err)
		return value_fail_logged(L, &o.frame, abs(err), "open '%s'", name);
	if (!finish_open(L, &o))
		return 3;
	lua_settop(L, o.handle);
	return 1;
}

/* The name that libbpf gives the object of a file: its own up to the first dot. */
static const char *name_of_file(const char *path, char *name, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(name, size, "%s", slash ? slash + 1 : path);
	name[strcspn(name, ".")] = '\0';
	return name;
}

/*** Opens a compiled BPF object. Nothing is loaded into the kernel yet.
@function open
@tparam string path of the ELF file that clang --target=bpf wrote
@tparam ?table opts the fields of bpf_object_open_opts: `object_name`, `relaxed_maps`,
`pin_root_path`, `kconfig`, `btf_custom_path`, `bpf_token_path`, `kernel_log_level`, and
`kernel_log_size`: keep so many bytes of the kernel's log, 128 to 2^28, for `object:kernel_log`
@treturn object
@failslog
@usage local object, message = lbpf.open("trace.bpf.o", {kernel_log_level = 1, kernel_log_size =
65536}) if not object then error(message) end
@see bpf_object__open_file
*/
static int lbpf_open(lua_State *L)
{
	struct bpf_object_open_opts opts = {.sz = sizeof(opts)};
	const char *path = luaL_checkstring(L, 1);
	char name[NAME_MAX + 1];
	struct elf_source source;
	int err;

	lua_settop(L, 2);
	field_read(L, 2, open_fields, &opts);
	err = elf_push_file(L, path, &source);
	if (err)
		return value_fail(L, err, "open '%s'", path);
	if (!opts.object_name)
		opts.object_name = name_of_file(path, name, sizeof(name));
	return open_source(L, &source, &opts, path);
}

/*** Opens a compiled BPF object in memory.
@function open_mem
@tparam string bytes the ELF file
@tparam ?table opts as for `open`; without an `object_name` it is called "memory"
@treturn object
@failslog
@usage local file = assert(io.open("build/bpf/trace.bpf.o", "rb"))
local object = assert(lbpf.open_mem(file:read("*a"), {object_name = "trace"}))
@see bpf_object__open_mem
*/
static int lbpf_open_mem(lua_State *L)
{
	struct bpf_object_open_opts opts = {.sz = sizeof(opts), .object_name = "memory"};
	struct elf_source source;

	source.image = luaL_checklstring(L, 1, &source.size);
	luaL_argcheck(L, source.size > 0, 1, "an object must not be empty");
	lua_settop(L, 2);
	field_read(L, 2, open_fields, &opts);
	return open_source(L, &source, &opts, opts.object_name);
}

void open_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"open", lbpf_open}, {"open_mem", lbpf_open_mem}, {NULL, NULL}};

	luaL_setfuncs(L, functions, 0);
}
