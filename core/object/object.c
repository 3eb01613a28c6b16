#include "object/object.h"

#include "attach/link.h"
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
#include "object/program.h"
#include "object/registry.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** Objects
@section objects
*/

static const char OBJECT[] = "lbpf.object";

/* What libbpf keeps pointers to, or the number of, and that goes after the bpf_object. */
struct kept {
	struct kept *next;
	int fd; /* closed with the object; -1: none */
	max_align_t data[];
};

struct object {
	struct owner owner; /* first: the others' view of it */
	struct bpf_object *obj;
	enum object_phase phase;
	bool generating;
	struct registry_user user;
	struct link *links;
	struct kept *kept;
	char *log; /* the kernel's, among the kept; NULL without one */
	char name[];
};

struct handle {
	struct object *o;
};

static struct object *object_from(struct owner *owner)
{
	return (struct object *)owner;
}

struct bpf_object *object_of(struct owner *owner)
{
	return object_from(owner)->obj;
}

bool object_is_prepared(const struct owner *owner)
{
	return ((const struct object *)owner)->phase >= OBJECT_PREPARED;
}

bool object_is_loading_over(const struct owner *owner)
{
	return ((const struct object *)owner)->phase > OBJECT_PREPARED;
}

bool object_is_loaded(const struct owner *owner)
{
	return ((const struct object *)owner)->phase == OBJECT_LOADED;
}

bool object_has_maps(const struct owner *owner)
{
	enum object_phase phase = ((const struct object *)owner)->phase;

	return phase == OBJECT_PREPARED || phase == OBJECT_LOADED;
}

bool object_is_generating(const struct owner *owner)
{
	return ((const struct object *)owner)->generating;
}

void object_start_generating(struct owner *owner)
{
	object_from(owner)->generating = true;
}

struct link **object_links(struct owner *owner)
{
	return &object_from(owner)->links;
}

void *object_alloc(lua_State *L, struct owner *owner, size_t size)
{
	struct object *o = object_from(owner);
	struct kept *k = calloc(1, sizeof(*k) + size);

	if (!k)
		luaL_error(L, "not enough memory");
	k->next = o->kept;
	k->fd = -1;
	o->kept = k;
	return k->data;
}

int *object_alloc_fd(lua_State *L, struct owner *owner)
{
	object_alloc(L, owner, 0);
	return &object_from(owner)->kept->fd;
}

static struct object *check_handle(lua_State *L, int arg)
{
	return ((struct handle *)class_check(L, arg, OBJECT))->o;
}

struct owner *object_check(lua_State *L, int arg)
{
	struct object *o = check_handle(L, arg);

	owner_check(L, &o->owner);
	if (!o->obj) /* debug.getuservalue() of a program in its setup closure leads here */
		luaL_error(L, "object '%s' is being opened", o->name);
	return &o->owner;
}

void object_add_methods(lua_State *L, const luaL_Reg *methods)
{
	class_add_methods(L, OBJECT, methods);
}

/* Closing -------------------------------------------------------------------------------- */

static void shut(struct owner *owner)
{
	struct object *o = object_from(owner);

	owner->closed = true;
	owner_shut_dependents(&o->owner);
	link_destroy_all(&o->links);
	registry_release(&o->user);
	if (o->obj)
		bpf_object__close(o->obj);
	o->obj = NULL;
	for (struct kept *k = o->kept; k; k->fd = -1, k = k->next)
		if (k->fd >= 0)
			close(k->fd);
}

static void release(struct owner *owner)
{
	struct object *o = object_from(owner);

	shut(owner);
	while (o->kept) {
		struct kept *k = o->kept;

		o->kept = k->next;
		free(k);
	}
	free(o);
}

/*** Closes the object: its links are destroyed, its programs and maps go unless something else
holds them. Programs, maps and links of a closed object raise an error that says so. Closing
twice is harmless. In a process that was forked from the one that opened it, this closes what is
this process's own, and the other process keeps its programs attached. If a finalizer calls this in
the middle of another method, what the object has is freed with its last handle.
@function object:close
@treturn boolean true
@raise inside a callback of this object
@see bpf_object__close
*/
static int object_close(lua_State *L)
{
	owner_close(L, &check_handle(L, 1)->owner, shut);
	lua_pushboolean(L, 1);
	return 1;
}

static int object_gc(lua_State *L)
{
	struct handle *h = class_retire(L, OBJECT);

	if (h->o)
		owner_unref(&h->o->owner);
	return 0;
}

/* Opening -------------------------------------------------------------------------------- */

static const struct field open_fields[] = {
	FIELD(struct bpf_object_open_opts, object_name, FIELD_STRING),
	FIELD(struct bpf_object_open_opts, relaxed_maps, FIELD_BOOL),
	FIELD(struct bpf_object_open_opts, pin_root_path, FIELD_STRING),
	FIELD(struct bpf_object_open_opts, kconfig, FIELD_STRING),
	FIELD(struct bpf_object_open_opts, btf_custom_path, FIELD_STRING),
	FIELD(struct bpf_object_open_opts, kernel_log_size, FIELD_SIZE),
	FIELD(struct bpf_object_open_opts, kernel_log_level, FIELD_U32),
#if LBPF_HEADERS(1, 4)
	FIELD_SINCE(struct bpf_object_open_opts, bpf_token_path, FIELD_STRING, 1, 4),
#else
	FIELD_NEEDS("bpf_token_path", 1, 4),
#endif
	FIELDS_END,
};

/* Pushes the handle; its uservalue ENV is shared by all parts of the object:
 * progs, maps and links by name, handlers by program, and the parts by address.
 */
static struct object *push_object(lua_State *L, const char *name)
{
	static const char *const parts[] = {"progs", "maps", "links", "handlers"};
	struct handle *h = class_push(L, OBJECT, sizeof(*h), 0);
	size_t size = strlen(name) + 1;

	h->o = calloc(1, sizeof(*h->o) + size);
	if (!h->o)
		luaL_error(L, "not enough memory");
	memcpy(h->o->name, name, size);
	h->o->owner =
		(struct owner){.kind = "object", .name = h->o->name, .release = release, .refs = 1};
	h->o->user.name = h->o->name;
	compat_getuservalue(L, -1);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		lua_newtable(L);
		lua_setfield(L, -2, parts[i]);
	}
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "object"); /* so that a part keeps its whole */
	return h->o;
}

/* Pushes a buffer with the names of the source's program sections. */
static const char *push_sections(lua_State *L, const struct elf_source *source, size_t *size)
{
	size_t room = elf_program_sections(source, NULL, 0), now;
	char *names = compat_newuserdata(L, room + 1);

	now = elf_program_sections(source, names, room);
	*size = now <= room ? now : 0; /* the file changed: libbpf will see what it is */
	return names;
}

/* The name that a script knows the map by. libbpf puts a part of the file's name in front of
 * ".rodata" and the like.
 */
static const char *map_key(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);
	const char *section = bpf_map__is_internal(map) ? strchr(name, '.') : NULL;

	return section ? section : name;
}

/* Gives every program and map its handle, by name and by address. */
static void collect(lua_State *L, struct object *o, int env)
{
	struct bpf_program *prog;
	struct bpf_map *map;

	lua_getfield(L, env, "progs");
	bpf_object__for_each_program(prog, o->obj)
	{
		program_push(L, &o->owner, prog, env);
		lua_setfield(L, -2, bpf_program__name(prog));
	}
	names_make_strict(L, "program", o->name);
	lua_getfield(L, env, "maps");
	bpf_object__for_each_map(map, o->obj)
	{
		map_push(L, &o->owner, map, env);
		lua_setfield(L, -2, map_key(map));
	}
	names_make_strict(L, "map", o->name);
	lua_pop(L, 2);
}

/* The section of a program that a handler of the script should have had, and did not get. */
static const char *missed(lua_State *L, const struct object *o, int env,
			  const struct registry_need *needs, size_t n)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, o->obj)
	{
		const char *section = bpf_program__section_name(prog);

		if (handler_push(L, env, prog)) {
			lua_pop(L, 1);
			continue;
		}
		for (size_t i = 0; i < n; i++)
			if (needs[i].sec && strcmp(needs[i].section, section) == 0)
				return section;
	}
	return NULL;
}

static int open_source(lua_State *L, const struct elf_source *source,
		       struct bpf_object_open_opts *opts, const char *name)
{
	const char *sections, *stolen, *stray;
	char why[160];
	struct registry_need *needs;
	struct bpf_object *obj;
	struct object *o;
	struct frame f;
	size_t size, n;
	int handle, env, err;

	err = source->path ? elf_read_error(source->path) : 0;
	if (err)
		return value_fail(L, err, "open '%s'", name);
	if (!btfcheck_source(L, source, why, sizeof(why)))
		return value_fail(L, EINVAL, "open '%s': %s", name, why);
	o = push_object(L, name);
	env = lua_gettop(L);
	handle = env - 1;
	if (opts->kernel_log_size) {
		/* older kernels refuse a smaller one, which would hide what they have to say */
		luaL_argcheck(L, opts->kernel_log_size >= 128 && opts->kernel_log_size <= 1 << 28,
			      2, "option 'kernel_log_size' is not in 128 to 268435456");
		o->log = object_alloc(L, &o->owner, opts->kernel_log_size + 1);
		opts->kernel_log_buf = o->log;
	}
	sections = push_sections(L, source, &size);
	n = handler_begin(L, env, sections, size);
	needs = lua_touserdata(L, -1);

	for (bool again = false;; again = true) {
		frame_enter(L, &f, &o->owner, env);
		err = registry_begin(&o->user, needs, n);
		if (err != -EBUSY || again)
			break;
		frame_leave(&f);
		lua_gc(L, LUA_GCCOLLECT, 0); /* a forgotten object may be in the way */
	}
	if (!err) {
		/* a copy of the path: libbpf cuts off a slash at its end, in place */
		if (source->path)
			obj = bpf_object__open_file(o->name, opts);
		else
			obj = bpf_object__open_mem(source->image, source->size, opts);
		err = value_pointer_error(obj);
		o->obj = err ? NULL : obj;
		registry_end(&o->user, !err);
	}
	o->owner.closed = err != 0; /* programs that a closure saw die with the open */
	frame_leave(&f);
	handler_end(L, env);
	if (err == -EBUSY)
		return value_fail(L, EBUSY,
				  "open '%s': a handler overrides libbpf's own SEC(), and object "
				  "'%s' has yet to be loaded or closed",
				  name, o->user.holder);
	if (err)
		return value_fail_logged(L, &f, value_errno(-abs(err)), "open '%s'", name);
	stray = guard_stray_struct_ops(o->obj);
	if (stray) {
		value_fail(L, EINVAL, "open '%s': map '%s' is struct_ops in SEC(\".maps\")", name,
			   stray);
		shut(&o->owner);
		return 3;
	}
	collect(L, o, env);
	stolen = missed(L, o, env, needs, n);
	if (stolen) {
		value_fail(L, EBUSY,
			   "open '%s': SEC(\"%s\") was taken by another user of libbpf in this "
			   "process, before the script's handler",
			   name, stolen);
		shut(&o->owner);
		return 3;
	}
	lua_settop(L, handle);
	return 1;
}

/*** Opens a compiled BPF object. Nothing is loaded into the kernel yet.
@function open
@tparam string path of the ELF file that clang --target=bpf wrote
@tparam ?table opts the fields of bpf_object_open_opts: `object_name`, `relaxed_maps`,
 `pin_root_path`, `kconfig`, `btf_custom_path`, `bpf_token_path`, `kernel_log_level`, and
 `kernel_log_size`: keep that much of the kernel's log, 128 to 2^28 bytes, see
 `object:kernel_log`
@treturn object
@treturn[2] nil
@treturn[2] string message, the error number, and all that libbpf had to say
@see bpf_object__open_file
*/
static int lbpf_open(lua_State *L)
{
	struct bpf_object_open_opts opts = {.sz = sizeof(opts)};
	struct elf_source source = {.path = luaL_checkstring(L, 1)};

	lua_settop(L, 2);
	field_read(L, 2, open_fields, &opts);
	return open_source(L, &source, &opts, source.path);
}

/*** Opens a compiled BPF object that is in memory.
@function open_mem
@tparam string bytes the ELF file's
@tparam ?table opts as for `open`; without an `object_name` it is called "memory"
@treturn object
@treturn[2] nil
@treturn[2] string message, the error number, and all that libbpf had to say
@see bpf_object__open_mem
*/
static int lbpf_open_mem(lua_State *L)
{
	struct bpf_object_open_opts opts = {.sz = sizeof(opts), .object_name = "memory"};
	struct elf_source source = {.path = NULL};

	source.image = luaL_checklstring(L, 1, &source.size);
	luaL_argcheck(L, source.size > 0, 1, "an object cannot be empty");
	lua_settop(L, 2);
	field_read(L, 2, open_fields, &opts);
	return open_source(L, &source, &opts, opts.object_name);
}

/* Loading -------------------------------------------------------------------------------- */

int object_advance(lua_State *L, const char *operation, int (*step)(struct bpf_object *),
		   enum object_phase last, enum object_phase next)
{
	static const char *const states[] = {
		[OBJECT_PREPARED] = "is prepared already",
		[OBJECT_LOADED] = "is loaded already",
		[OBJECT_GENERATED] = "is a loader program already",
		[OBJECT_FAILED] = "cannot be loaded: a load has failed",
	};
	struct object *o = check_handle(L, 1);
	struct frame f;
	int err;

	lua_settop(L, 1);
	owner_check_idle(L, &o->owner, operation);
	if (o->phase > last)
		return luaL_error(L, "object '%s' %s", o->name, states[o->phase]);
	compat_getuservalue(L, 1);
	frame_enter(L, &f, &o->owner, 2);
	err = step(o->obj);
	if (err)
		err = value_errno(err);
	o->phase = err ? OBJECT_FAILED : next;
	if (o->phase != OBJECT_PREPARED)
		registry_release(&o->user);
	if (err && o->log)
		frame_log(o->log, strlen(o->log));
	frame_leave(&f);
	if (err)
		return value_fail_logged(L, &f, err, "%s '%s'", operation, o->name);
	lua_settop(L, 1);
	return 1;
}

/*** The kernel's log of the load, as far as option `kernel_log_size` of `open` allows.
@function object:kernel_log
@treturn ?string the text; nil if the object was opened without that option
@see open
*/
static int object_kernel_log(lua_State *L)
{
	struct object *o = object_from(object_check(L, 1));

	if (o->log)
		lua_pushstring(L, o->log);
	else
		lua_pushnil(L);
	return 1;
}

/* Properties ----------------------------------------------------------------------------- */

/*** The object's name: of its file up to the first dot, or option `object_name`.
@function object:name
@treturn string
@see bpf_object__name
*/
static int object_name(lua_State *L)
{
	lua_pushstring(L, bpf_object__name(object_of(object_check(L, 1))));
	return 1;
}

/* obj.progs, obj.maps, obj.links, obj.vars; else a method. */
static int object_index(lua_State *L)
{
	const char *key = lua_tostring(L, 2);
	bool is_part = key && (!strcmp(key, "progs") || !strcmp(key, "maps") ||
			       !strcmp(key, "links") || !strcmp(key, "vars"));

	if (!is_part) {
		lua_pushvalue(L, 2);
		lua_rawget(L, lua_upvalueindex(1));
		return 1;
	}
	object_check(L, 1);
	compat_getuservalue(L, 1);
	if (strcmp(key, "vars") == 0)
		vars_push(L, object_check(L, 1), -1);
	else
		lua_getfield(L, -1, key);
	return 1;
}

static int object_tostring(lua_State *L)
{
	struct object *o = check_handle(L, 1);

	lua_pushfstring(L, "lbpf.object: %s%s", o->name, o->owner.closed ? " (closed)" : "");
	return 1;
}

void object_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"open", lbpf_open}, {"open_mem", lbpf_open_mem}, {NULL, NULL}};
	static const luaL_Reg methods[] = {
		{"close", object_close},
		{"name", object_name},
		{"kernel_log", object_kernel_log},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {
		{"__index", object_index},       {"__gc", object_gc}, {"__close", object_close},
		{"__tostring", object_tostring}, {NULL, NULL},
	};

	class_new(L, OBJECT, methods, meta);
	luaL_setfuncs(L, functions, 0);
}
