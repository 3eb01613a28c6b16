#include "btf/btf.h"

#include "base/enum.h"
#include "base/fd.h"
#include "base/field.h"
#include "base/newer.h"
#include "base/value.h"
#include "btf/vmlinux.h"
#include "check/btfcheck.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*** @module lbpf */
/*** Types: BTF of the kernel, its modules, programs and files
@section types
@usage local kernel = assert(lbpf.btf_load_vmlinux_btf())
local same = assert(lbpf.btf_parse_raw("/sys/kernel/btf/vmlinux"))
print(kernel:find_by_name("task_struct") == same:find_by_name("task_struct"), same:close())
local file = assert(lbpf.btf_parse_elf("trace.bpf.o"))
local empty = assert(lbpf.btf_new_empty(assert(lbpf.btf_new(file:raw_data())))) -- on top of it
*/

static const char BTF[] = "lbpf.btf";

#if LBPF_HEADERS(1, 4)
#pragma weak btf__new_split
#endif

/* BTF may have a base, or belong to the object that it was opened with. */
struct box {
	struct owner owner; /* first: other modules see only this */
	struct btf *btf;
	struct box *base;
	struct owner *object;
	unsigned dumps, splits, readers; /* while there are any, it cannot be changed */
	bool changed;                    /* since its references were last checked */
	bool is_sound;                   /* the kernel has checked it */
	char name[];
};

struct btf_handle {
	struct box *box;
};

static struct box *box_from(struct owner *owner)
{
	return (struct box *)owner;
}

struct btf *btf_of(struct owner *owner)
{
	return box_from(owner)->btf;
}

void btf_check_open(lua_State *L, struct owner *owner)
{
	for (const struct box *b = box_from(owner); b; b = b->base) {
		owner_check(L, &b->owner);
		if (b->object)
			owner_check(L, b->object);
	}
}

static struct box *check_box_handle(lua_State *L, int arg)
{
	return ((struct btf_handle *)class_check(L, arg, BTF))->box;
}

static struct box *check_box(lua_State *L, int arg)
{
	struct box *b = check_box_handle(L, arg);

	btf_check_open(L, &b->owner);
	return b;
}

struct owner *btf_check(lua_State *L, int arg)
{
	return &check_box(L, arg)->owner;
}

struct owner *btf_test(lua_State *L, int idx)
{
	return class_test(L, idx, BTF) ? btf_check(L, idx) : NULL;
}

struct owner *btf_check_mine(lua_State *L, int arg, const char *operation)
{
	struct box *b = check_box(L, arg);

	if (b->splits)
		luaL_error(L, "BTF '%s' cannot change: there is BTF on top of it", b->name);
	/* libbpf searches for strings in the base as well, and may reorganise that in memory */
	for (const struct box *at = b; at; at = at->base) {
		owner_check_idle(L, &at->owner, operation);
		if (at->dumps)
			luaL_error(L, "BTF '%s' cannot change: there is a dump of it", at->name);
		if (at->readers)
			luaL_error(L, "BTF '%s' cannot change: it is being read", at->name);
		if (at->object)
			luaL_error(L, "BTF '%s' cannot change: it is its object's", at->name);
	}
	return &b->owner;
}

struct owner *btf_change(lua_State *L, int arg, const char *operation)
{
	struct owner *owner = btf_check_mine(L, arg, operation);

	box_from(owner)->changed = true;
	return owner;
}

/* Types that a script adds may refer to later ones: so references are checked afterwards. */
void btf_require_sound(lua_State *L, struct owner *owner)
{
	struct box *b = owner ? box_from(owner) : NULL;
	char why[160];

	if (!b || !b->changed)
		return;
	if (!btfcheck(b->btf, why, sizeof(why)))
		luaL_error(L, "BTF '%s' is not complete: %s", b->name, why);
	b->changed = false;
}

struct owner *btf_check_sound(lua_State *L, int arg)
{
	struct owner *owner = btf_check(L, arg);

	btf_require_sound(L, owner);
	return owner;
}

void btf_begin_read(struct owner *owner)
{
	if (owner)
		box_from(owner)->readers++;
}

void btf_end_read(struct owner *owner)
{
	if (owner)
		box_from(owner)->readers--;
}

__u32 btf_check_id(lua_State *L, int arg, struct owner *owner)
{
	return (__u32)value_check_int(L, arg, 0, btf__type_cnt(btf_of(owner)) - 1LL);
}

void btf_freeze(struct owner *owner)
{
	box_from(owner)->dumps++;
}

void btf_thaw(struct owner *owner)
{
	box_from(owner)->dumps--;
}

static void keep_busy(struct box *b, int by)
{
	for (; b; b = b->base) {
		b->owner.busy += (unsigned)by;
		if (b->object)
			b->object->busy += (unsigned)by;
	}
}

void btf_enter(lua_State *L, struct frame *f, struct owner *owner, struct owner *subject)
{
	frame_enter(L, f, subject, 0);
	if (owner)
		keep_busy(box_from(owner), 1);
}

void btf_leave(struct frame *f, struct owner *owner)
{
	if (owner)
		keep_busy(box_from(owner), -1);
	frame_leave(f);
}

/* Creating and closing -------------------------------------------------------------------- */

static void free_btf(struct box *b)
{
	if (b->btf && !b->object)
		btf__free(b->btf);
	b->btf = NULL;
}

static void shut_btf(struct owner *owner)
{
	if (owner->refs == 1) /* otherwise the last user frees it */
		free_btf(box_from(owner));
}

static void release_btf(struct owner *owner)
{
	struct box *b = box_from(owner);

	free_btf(b);
	if (b->base) {
		b->base->splits--;
		owner_unref(&b->base->owner);
	}
	if (b->object)
		owner_unref(b->object);
	free(b);
}

/* Sets the open BTF at BASE as the base of that at IDX. */
static void stand_on(lua_State *L, int idx, int base)
{
	struct box *b = ((struct btf_handle *)class_check(L, idx, BTF))->box, *old = b->base;

	b->base = ((struct btf_handle *)class_check(L, base, BTF))->box;
	owner_ref(&b->base->owner);
	b->base->splits++;
	if (old) {
		old->splits--;
		owner_unref(&old->owner);
	}
	class_env(L, idx);
	lua_pushvalue(L, base);
	lua_setfield(L, -2, "base");
	lua_pop(L, 1);
}

/* Pushes a handle without BTF. BASE is the index of its base, or 0. */
static struct box *push_box(lua_State *L, const char *name, int base)
{
	struct btf_handle *h = class_push(L, BTF, sizeof(*h), 0);
	size_t size = strlen(name) + 1;

	h->box = calloc(1, sizeof(*h->box) + size);
	if (!h->box)
		luaL_error(L, "not enough memory");
	memcpy(h->box->name, name, size);
	h->box->owner = (struct owner){
		.kind = "BTF", .name = h->box->name, .release = release_btf, .refs = 1};
	if (base) {
		btf_check_sound(L, base);
		stand_on(L, lua_gettop(L), base);
	}
	return h->box;
}

struct owner *btf_push(lua_State *L, const char *name, int base)
{
	return &push_box(L, name, base)->owner;
}

void btf_fill(struct owner *owner, struct btf *btf)
{
	box_from(owner)->btf = btf;
	owner->closed = !btf;
}

void btf_rebase(lua_State *L, int idx, int base)
{
	stand_on(L, idx, base);
}

/*** Closes the BTF. Using dumps of it, and BTF on top of it, is an error after that. A second call
has no effect.
@function btf:close
@treturn boolean true
@raise while libbpf works on it
@see btf__free
*/
static int close_btf(lua_State *L)
{
	owner_close(L, &check_box_handle(L, 1)->owner, shut_btf);
	lua_pushboolean(L, 1);
	return 1;
}

static int btf_gc(lua_State *L)
{
	struct btf_handle *h = class_retire(L, BTF);

	if (h->box)
		owner_unref(&h->box->owner);
	return 0;
}

/* The optional argument BASE as an index, or 0. */
static int base_at(lua_State *L, int base)
{
	if (lua_isnoneornil(L, base))
		return 0;
	check_box(L, base);
	return base;
}

static struct btf *base_of(const struct box *b)
{
	return b->base ? b->base->btf : NULL;
}

static struct owner *base_owner(const struct box *b)
{
	return b->base ? &b->base->owner : NULL;
}

/* Stores the BTF in the handle on top of the stack; or replaces that by nil, message, errno. */
static int finish_btf(lua_State *L, struct frame *f, struct box *b, struct btf *btf,
		      const char *what)
{
	int err = value_pointer_error(btf);
	char why[160];
	bool ok = err || b->is_sound || btfcheck(btf, why, sizeof(why));

	b->btf = err ? NULL : btf;
	b->owner.closed = err != 0;
	btf_leave(f, base_owner(b));
	if (err)
		return value_fail_logged(L, f, err, "%s '%s'", what, b->name);
	if (!ok) {
		b->owner.closed = true;
		free_btf(b);
		return value_fail(L, EINVAL, "%s '%s': %s", what, b->name, why);
	}
	return 1;
}

/*** Loads the running kernel's types.
@function btf_load_vmlinux_btf
@treturn btf
@fails
@see btf__load_vmlinux_btf
*/
static int load_vmlinux(lua_State *L)
{
	struct box *b = push_box(L, "vmlinux", 0);
	struct frame f;

	btf_enter(L, &f, NULL, &b->owner);
	return finish_btf(L, &f, b, vmlinux_load(&b->is_sound), "load BTF");
}

/*** Loads a kernel module's types, on top of the kernel's.
@function btf_load_module_btf
@tparam string module its name, as in /sys/kernel/btf
@tparam btf vmlinux the kernel's
@treturn btf
@fails
@usage print(lbpf.btf_load_module_btf("nf_tables", assert(lbpf.btf_load_vmlinux_btf())))
@see btf__load_module_btf
*/
static int load_module(lua_State *L)
{
	const char *module = luaL_checkstring(L, 1);
	struct box *b;
	struct frame f;

	luaL_argcheck(L, *module && !strchr(module, '/'), 1, "expected the name of a module");
	check_box(L, 2);
	b = push_box(L, module, 2);
	btf_enter(L, &f, base_owner(b), &b->owner);
	return finish_btf(L, &f, b, btf__load_module_btf(module, base_of(b)), "load BTF of module");
}

/*** Loads types that are in the kernel, for example those of a program.
@function btf_load_from_kernel_by_id
@tparam integer id of the BTF
@tparam ?btf base
@treturn btf
@fails
@usage local id = assert(lbpf.prog_get_info_by_fd(object.progs.enter)).btf_id
print(assert(lbpf.btf_load_from_kernel_by_id(id)):find_by_name("event"))
@see btf__load_from_kernel_by_id
@see btf__load_from_kernel_by_id_split
*/
static int load_from_kernel(lua_State *L)
{
	__u32 id = (__u32)value_check_int(L, 1, 0, UINT32_MAX);
	char name[16];
	struct box *b;
	struct frame f;

	snprintf(name, sizeof(name), "%u", id);
	b = push_box(L, name, base_at(L, 2));
	btf_enter(L, &f, base_owner(b), &b->owner);
	return finish_btf(L, &f, b, btf__load_from_kernel_by_id_split(id, base_of(b)),
			  "load BTF with id");
}

static int parse_btf(lua_State *L, struct btf *(*function)(const char *, struct btf *))
{
	const char *path = luaL_checkstring(L, 1);
	struct box *b = push_box(L, path, base_at(L, 2));
	struct frame f;

	btf_enter(L, &f, base_owner(b), &b->owner);
	return finish_btf(L, &f, b, function(path, base_of(b)), "parse BTF of");
}

/*** Reads the types of a file: an ELF file with a section .BTF, or BTF alone.
@function btf_parse
@tparam string path
@tparam ?btf base
@treturn btf
@fails
@see btf__parse
@see btf__parse_split
*/
static int parse_any(lua_State *L)
{
	return parse_btf(L, btf__parse_split);
}

/*** Reads the types of an ELF file.
@function btf_parse_elf
@tparam string path
@tparam ?btf base
@treturn btf
@fails
@see btf__parse_elf
@see btf__parse_elf_split
*/
static int parse_elf(lua_State *L)
{
	return parse_btf(L, btf__parse_elf_split);
}

/*** Reads the types of a file of BTF alone.
@function btf_parse_raw
@tparam string path
@tparam ?btf base
@treturn btf
@fails
@see btf__parse_raw
@see btf__parse_raw_split
*/
static int parse_raw(lua_State *L)
{
	return parse_btf(L, btf__parse_raw_split);
}

/* libbpf before 1.4 declares btf__new_split(), but does not export it. */
static struct btf *new_split(const char *data, __u32 size, struct btf *base)
{
	struct btf *btf = NULL;
	char path[FD_PATH_SIZE];
	int fd, err;

	if (!base)
		return btf__new(data, size);
#if LBPF_HEADERS(1, 4)
	if (compat_libbpf(1, 4))
		return btf__new_split(data, size, base);
#endif
	fd = memfd_create("btf", MFD_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (write(fd, data, size) == (ssize_t)size)
		btf = btf__parse_raw_split(fd_path(fd, path), base);
	err = errno;
	close(fd);
	errno = err;
	return btf;
}

/*** Reads the types in a string.
@function btf_new
@tparam string bytes of a section .BTF
@tparam ?btf base
@treturn btf
@fails
@see btf__new
@see btf__new_split
*/
static int new_from_bytes(lua_State *L)
{
	struct box *b;
	struct frame f;
	const char *data;
	size_t size;

	data = luaL_checklstring(L, 1, &size);
	luaL_argcheck(L, size <= INT32_MAX, 1, "too long for BTF");
	b = push_box(L, "memory", base_at(L, 2));
	btf_enter(L, &f, base_owner(b), &b->owner);
	return finish_btf(L, &f, b, new_split(data, (__u32)size, base_of(b)), "make BTF of");
}

static const struct field new_empty_fields[] = {
	FIELD(struct btf_new_opts, add_layout, FIELD_BOOL),
	FIELDS_END,
};

/*** Creates BTF without types.
@function btf_new_empty
@tparam ?btf base
@tparam ?table opts `add_layout` (boolean): with a description of how long the types of each kind
are, by which a reader can skip those of a kind that it does not know; libbpf 1.8
@treturn btf
@fails EOPNOTSUPP before libbpf 1.8 if `add_layout` is true
@see btf__new_empty
@see btf__new_empty_split
@see btf__new_empty_opts
*/
static int new_empty(lua_State *L)
{
	struct btf_new_opts opts = {.sz = sizeof(opts)};
	struct box *b;
	struct btf *btf;
	struct frame f;

	lua_settop(L, 2);
	field_read(L, 2, new_empty_fields, &opts);
	if (opts.add_layout && !btf__new_empty_opts)
		return value_needs_libbpf(L, "btf_new_empty: option 'add_layout'", 1, 8);
	b = push_box(L, "empty", base_at(L, 1));
	opts.base_btf = base_of(b);
	btf_enter(L, &f, base_owner(b), &b->owner);
	btf = opts.add_layout ? btf__new_empty_opts(&opts) : btf__new_empty_split(opts.base_btf);
	return finish_btf(L, &f, b, btf, "make BTF");
}

void btf_push_of(lua_State *L, struct owner *object, struct btf *btf)
{
	struct box *b = push_box(L, object->name, 0);

	b->btf = btf;
	b->object = owner_ref(object);
}

/*** Finds the kernel's type that an attach type needs: of a function, of a tracepoint's typedef, or
of a hook.
@function find_vmlinux_btf_id
@tparam string name of the kernel's function, or the tracepoint
@tparam string|integer attach_type "trace_fentry", "trace_raw_tp", "lsm_mac", "trace_iter" ...
@treturn integer id in the kernel's BTF
@fails
@usage print(lbpf.find_vmlinux_btf_id("sched_switch", "trace_raw_tp"))
@see libbpf_find_vmlinux_btf_id
*/
static int find_vmlinux_btf_id(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	int type = enum_check(L, 2, &enum_attach_type), id;
	struct frame f;

	frame_enter(L, &f, NULL, 0);
	id = libbpf_find_vmlinux_btf_id(name, (enum bpf_attach_type)type);
	frame_leave(&f);
	if (id <= 0)
		return value_fail_logged(L, &f, id ? value_errno(id) : ENOENT,
					 "find BTF id of '%s'", name);
	lua_pushinteger(L, id);
	return 1;
}

void btf_add_methods(lua_State *L, const luaL_Reg *methods)
{
	class_add_methods(L, BTF, methods);
}

static int btf_tostring(lua_State *L)
{
	const struct box *b = check_box_handle(L, 1);

	lua_pushfstring(L, "lbpf.btf: %s%s", b->name, b->owner.closed ? " (closed)" : "");
	return 1;
}

void btf_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"btf_load_vmlinux_btf", load_vmlinux},
		{"btf_load_module_btf", load_module},
		{"btf_load_from_kernel_by_id", load_from_kernel},
		{"btf_parse", parse_any},
		{"btf_parse_elf", parse_elf},
		{"btf_parse_raw", parse_raw},
		{"btf_new", new_from_bytes},
		{"btf_new_empty", new_empty},
		{"find_vmlinux_btf_id", find_vmlinux_btf_id},
		{NULL, NULL},
	};
	static const luaL_Reg methods[] = {{"close", close_btf}, {NULL, NULL}};
	static const luaL_Reg meta[] = {{"__gc", btf_gc},
					{"__close", close_btf},
					{"__tostring", btf_tostring},
					{NULL, NULL}};

	class_new(L, BTF, methods, meta);
	luaL_setfuncs(L, functions, 0);
}
