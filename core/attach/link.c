#include "attach/link.h"

#include "base/enum.h"
#include "base/fd.h"
#include "base/frame.h"
#include "base/process.h"
#include "base/value.h"
#include "map/map.h"
#include "object/object.h"
#include "object/program.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** Links
@section links
@usage local link = assert(object.progs.drop:attach_xdp("lo"))
assert(link:update_program(object.progs.drop) and link:pin("/sys/fs/bpf/kept"))
print(link:fd(), link:pin_path(), link:info().type)
local again = assert(lbpf.link_open("/sys/fs/bpf/kept")) -- as another process can
assert(again:unpin() and again:detach())
assert(link:disconnect()) -- it ends without detaching again what the other one has detached
assert(object:detach())   -- all links that there still are
*/

static const char LINK[] = "lbpf.link";

/* In its object's list of dependents while LINK is set; freed when that and the handle are gone. A
 * link that was opened by its path has no object; its handle owns it.
 */
struct link {
	struct dependent dependent; /* first */
	struct bpf_link *link;
	struct owner *owner;
	const struct process *maker;
	enum link_of of;
	bool has_handle;
	char name[];
};

static const char *const of_what[] = {
	[LINK_OF_PROGRAM] = "of program ", [LINK_OF_MAP] = "of map ", [LINK_OPENED] = ""};

struct link_handle {
	struct link *l;
};

struct link *link_push(lua_State *L, struct owner *owner, enum link_of of, const char *name,
		       int env)
{
	struct link_handle *h = class_push(L, LINK, sizeof(*h), env);
	size_t size = strlen(name) + 1;

	h->l = calloc(1, sizeof(*h->l) + size);
	if (!h->l)
		luaL_error(L, "not enough memory");
	memcpy(h->l->name, name, size);
	h->l->owner = owner ? owner_ref(owner) : NULL;
	h->l->of = of;
	h->l->has_handle = true;
	return h->l;
}

static void free_if_done(struct link *l)
{
	if (!l->link && !l->has_handle)
		free(l);
}

/* Is FD a link in the kernel, and not a map or a perf event that libbpf uses in place of one? */
static bool is_kernel_link(int fd)
{
	return fd_is(fd, "bpf-link");
}

/* Does destroying it affect other processes that share it? libbpf disables perf events (also those
 * of USDT), and removes struct_ops from the map; any other link is just a descriptor.
 */
static bool affects_others(const struct link *l)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);
	int fd = bpf_link__fd(l->link);

	if (l->of == LINK_OPENED)
		return false;
	return !is_kernel_link(fd) || bpf_obj_get_info_by_fd(fd, &info, &size) ||
	       info.type == BPF_LINK_TYPE_PERF_EVENT;
}

/* Frees this process's copy of a link that belongs to the process it was forked from. Descriptors
 * behind the link's own are not accessible and stay open. That detaches nothing, and keeps only
 * USDT attached.
 */
static int let_go(struct bpf_link *link)
{
	int fd = bpf_link__fd(link);
	bool is_its_own = is_kernel_link(fd) || fd_is(fd, "[perf_event]");

	bpf_link__disconnect(link);
	bpf_link__destroy(link);
	if (is_its_own)
		close(fd);
	return 0;
}

static int destroy_link(struct link *l)
{
	int ret = process_owns(l->maker) || !affects_others(l) ? bpf_link__destroy(l->link)
							       : let_go(l->link);

	if (l->owner)
		dependent_leave(&l->dependent);
	l->link = NULL;
	free_if_done(l);
	return ret;
}

static void close_with_object(struct dependent *d)
{
	destroy_link((struct link *)d);
}

void link_set(struct link *l, struct bpf_link *link)
{
	l->link = link;
	l->maker = process_self();
	l->dependent.shut = close_with_object;
	if (l->owner)
		dependent_join(&l->dependent, l->owner);
}

static struct link_handle *test_link(lua_State *L, int idx)
{
	return class_test(L, idx, LINK);
}

static struct link *check_link(lua_State *L)
{
	struct link *l = ((struct link_handle *)class_check(L, 1, LINK))->l;

	if (l->owner)
		owner_check(L, l->owner);
	if (!l->link)
		luaL_error(L, "the link %s'%s' was destroyed", of_what[l->of], l->name);
	return l;
}

bool link_is_attached(lua_State *L, int idx)
{
	struct link_handle *h = test_link(L, idx);
	bool attached = false;

	if (h)
		return h->l->link;
	if (!lua_istable(L, idx))
		return false;
	for (size_t i = 1, n = lua_rawlen(L, idx); i <= n && !attached; i++) {
		lua_rawgeti(L, idx, (int)i);
		h = test_link(L, -1);
		attached = h && h->l->link;
		lua_pop(L, 1);
	}
	return attached;
}

static void check_one(lua_State *L, int idx, const struct owner *owner)
{
	struct link_handle *h = test_link(L, idx);

	if (!h)
		luaL_error(L, "prog_attach_fn must return a link, a list of links, or nil; not %s",
			   luaL_typename(L, idx));
	else if (!h->l->link)
		luaL_error(L, "prog_attach_fn returned a link that was destroyed");
	else if (h->l->owner != owner)
		luaL_error(L, "prog_attach_fn returned a link of %s '%s'",
			   h->l->owner ? "object" : "file",
			   h->l->owner ? h->l->owner->name : h->l->name);
}

void link_check_returned(lua_State *L, int idx, const struct owner *owner)
{
	if (!lua_istable(L, idx)) {
		check_one(L, idx, owner);
		return;
	}
	for (size_t i = 1, n = lua_rawlen(L, idx); i <= n; i++) {
		lua_rawgeti(L, idx, (int)i);
		check_one(L, -1, owner);
		lua_pop(L, 1);
	}
}

/* Destroys the link of the handle at IDX, and removes it from obj.links. Returns 0 or libbpf's
 * error. */
static int destroy_handle(lua_State *L, int idx)
{
	struct link *l = ((struct link_handle *)lua_touserdata(L, idx))->l;
	int ret, top = lua_gettop(L);

	if (!l->link)
		return 0;
	idx = lua_absindex(L, idx);
	class_env(L, idx);
	ret = destroy_link(l);
	if (!l->owner) {
		lua_settop(L, top);
		return ret;
	}
	lua_getfield(L, -1, "links");
	lua_getfield(L, -1, l->name);
	if (lua_rawequal(L, -1, idx) || (lua_istable(L, -1) && !link_is_attached(L, -1))) {
		lua_pushnil(L);
		lua_setfield(L, -3, l->name);
	}
	lua_settop(L, top);
	return ret;
}

void link_destroy_returned(lua_State *L, int idx)
{
	if (test_link(L, idx))
		destroy_handle(L, idx);
	if (!lua_istable(L, idx))
		return;
	idx = lua_absindex(L, idx);
	for (size_t i = 1, n = lua_rawlen(L, idx); i <= n; i++) {
		lua_rawgeti(L, idx, (int)i);
		if (test_link(L, -1))
			destroy_handle(L, -1);
		lua_pop(L, 1);
	}
}

/* __close: does not destroy a link that belongs to another process. */
static int link_close(lua_State *L)
{
	const struct link *l = ((struct link_handle *)class_check(L, 1, LINK))->l;
	int ret = destroy_handle(L, 1);

	return value_result(L, ret ? value_errno(ret) : 0, "destroy: link of '%s'", l->name);
}

/*** Destroys the link, which detaches the program unless the link is pinned. The link is freed even
if this fails. A second call has no effect.
@function link:destroy
@treturn boolean true
@fails
@raise for links of perf events (kprobes, uprobes, tracepoints, USDT) and of SEC(".struct_ops"), in
a process that was forked from the one that attached it, while that one runs. Other links are shared
after a fork: the program is detached when the last process has destroyed its link
@usage assert(assert(object.progs.enter:attach()):destroy())
@see bpf_link__destroy
*/
static int link_destroy(lua_State *L)
{
	const struct link *l = ((struct link_handle *)class_check(L, 1, LINK))->l;

	if (l->link && affects_others(l))
		process_check(L, l->maker, "the link of", l->name);
	return link_close(L);
}

/* Ends a method: pushes the link itself, or what the kernel refused. */
static int link_done(lua_State *L, int ret, const struct link *l, const char *action)
{
	if (ret)
		return value_fail(L, value_errno(ret), "%s: link of '%s'", action, l->name);
	lua_settop(L, 1);
	return 1;
}

/*** Detaches the program in the kernel. The link stays, without a program.
@function link:detach
@treturn link itself
@fails EOPNOTSUPP if links of this type cannot be detached
@see bpf_link__detach
*/
static int link_detach(lua_State *L)
{
	const struct link *l = check_link(L);

	return link_done(L, bpf_link__detach(l->link), l, "detach");
}

/*** Disconnects the link from what it attached: `link:destroy` and the end of the object then only
free memory, and the program stays attached as long as the process runs. This leaks the attachment
and its descriptor on purpose.
@function link:disconnect
@treturn link itself
@see bpf_link__disconnect
*/
static int link_disconnect(lua_State *L)
{
	bpf_link__disconnect(check_link(L)->link);
	lua_settop(L, 1);
	return 1;
}

/*** Replaces the attached program atomically: every event is seen by one of the two programs.
@function link:update_program
@tparam program prog loaded, of any object, and of the same type
@treturn link itself
@fails EINVAL if links of this type cannot be updated
@see bpf_link__update_program
*/
static int link_update_program(lua_State *L)
{
	const struct link *l = check_link(L);
	struct bpf_program *prog = program_check_loaded(L, 2, NULL);

	return link_done(L, bpf_link__update_program(l->link, prog), l, "update_program");
}

bool link_has_map(int link, int map)
{
	struct bpf_link_info info = {0};
	struct bpf_map_info map_info = {0};
	__u32 size = sizeof(info), map_size = sizeof(map_info), map_id;

	if (!is_kernel_link(link) || bpf_obj_get_info_by_fd(link, &info, &size) ||
	    info.type != BPF_LINK_TYPE_STRUCT_OPS ||
	    bpf_obj_get_info_by_fd(map, &map_info, &map_size))
		return false;
	/* struct_ops.map_id, the first member of the union, missing in older headers */
	memcpy(&map_id, &info.raw_tracepoint, sizeof(map_id));
	return map_id == map_info.id;
}

#if LBPF_HEADERS(1, 2)
#pragma weak bpf_link__update_map
#endif

/*** Replaces the attached struct_ops map. Replacing it by itself has no effect.
@function link:update_map
@tparam map map of SEC(".struct_ops.link"), of any object
@treturn link itself
@fails EOPNOTSUPP before libbpf 1.2, EINVAL for a link that is not of SEC(".struct_ops.link")
@raise for a link that `map:attach_struct_ops` did not make
@needs libbpf 1.3, struct_ops links
@usage local ops = assert(lbpf.open("struct_ops_link.bpf.o"))
assert(ops:load())
assert(assert(ops.maps.first:attach_struct_ops()):update_map(ops.maps.second))
@see bpf_link__update_map
*/
static int link_update_map(lua_State *L)
{
	const struct link *l = check_link(L);
	struct bpf_map *map = map_check_created(L, 2);

	/* libbpf does not check this, and would read beyond the end of any other link */
	luaL_argcheck(L, l->of == LINK_OF_MAP, 1, "expected a link made by map:attach_struct_ops");
#if LBPF_HEADERS(1, 2)
	if (compat_libbpf(1, 2)) {
		int ret = 0;

		if (!link_has_map(bpf_link__fd(l->link), bpf_map__fd(map)))
			ret = bpf_link__update_map(l->link, map);

		return link_done(L, ret, l, "update_map");
	}
#endif
	(void)map;
	return value_needs_libbpf(L, "update_map", 1, 2);
}

/*** The link's file descriptor. The link owns it.
@function link:fd
@treturn integer
@see bpf_link__fd
*/
static int link_fd(lua_State *L)
{
	lua_pushinteger(L, bpf_link__fd(check_link(L)->link));
	return 1;
}

/*** Returns what the kernel knows about the link.
@function link:info
@treturn table `type` ("xdp", "tracing", ...; a number where libbpf has no name), `id` and `prog_id`
@fails EOPNOTSUPP if the kernel has no link for this attachment
@see bpf_link_get_info_by_fd
*/
static int link_info(lua_State *L)
{
	const struct link *l = check_link(L);
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);
	int fd = bpf_link__fd(l->link), ret;

	if (!is_kernel_link(fd))
		return value_fail(L, EOPNOTSUPP, "info: link of '%s'", l->name);
	ret = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (ret)
		return value_fail(L, value_errno(ret), "info: link of '%s'", l->name);
	lua_newtable(L);
	enum_push(L, (int)info.type, &enum_link_type);
	lua_setfield(L, -2, "type");
	value_push_u32(L, info.id);
	lua_setfield(L, -2, "id");
	value_push_u32(L, info.prog_id);
	lua_setfield(L, -2, "prog_id");
	return 1;
}

/*** Pins the link in a BPF file system: the program stays attached when the process ends.
@function link:pin
@tparam string path of the new file
@treturn link itself
@failslog
@see bpf_link__pin
*/
static int link_pin(lua_State *L)
{
	const struct link *l = check_link(L);
	const char *path = luaL_checkstring(L, 2);
	struct frame f;
	int ret;

	frame_enter(L, &f, l->owner, 0);
	ret = bpf_link__pin(l->link, path);
	ret = ret ? value_errno(ret) : 0;
	frame_leave(&f);
	if (ret)
		return value_fail_logged(L, &f, ret, "pin '%s'", path);
	lua_settop(L, 1);
	return 1;
}

/*** Removes the link's file in the BPF file system.
@function link:unpin
@treturn link itself
@fails
@see bpf_link__unpin
*/
static int link_unpin(lua_State *L)
{
	const struct link *l = check_link(L);

	return link_done(L, bpf_link__unpin(l->link), l, "unpin");
}

/*** The path at which the link is pinned.
@function link:pin_path
@treturn ?string
@see bpf_link__pin_path
*/
static int link_pin_path(lua_State *L)
{
	const char *path = bpf_link__pin_path(check_link(L)->link);

	if (path)
		lua_pushstring(L, path);
	else
		lua_pushnil(L);
	return 1;
}

/*** Opens a pinned link. It belongs to no object: when it is destroyed or collected, its descriptor
is closed, and the program stays attached while the file exists.
@function link_open
@tparam string path of the file in the BPF file system
@treturn link
@fails EINVAL if the file is not a link
@see bpf_link__open
*/
static int link_open_pinned(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	struct bpf_link *link;
	struct link *l;
	struct frame f;
	int err, handle;

	l = link_push(L, NULL, LINK_OPENED, path, 0);
	handle = lua_gettop(L);
	frame_enter(L, &f, NULL, 0);
	link = bpf_link__open(path);
	err = value_pointer_error(link);
	if (!err && !is_kernel_link(bpf_link__fd(link))) {
		bpf_link__destroy(link);
		err = EINVAL;
	}
	if (!err)
		link_set(l, link);
	frame_leave(&f);
	if (err)
		return value_fail_logged(L, &f, err, "link_open '%s'", path);
	lua_settop(L, handle);
	return 1;
}

/* The next link in the object's list of dependents, from D on. */
static struct link *next_of_object(struct dependent *d)
{
	while (d && d->shut != close_with_object)
		d = d->next;
	return (struct link *)d;
}

/*** Destroys all links of the object, however they were created, as a skeleton's detach function
does, even if one of them fails. The object can be attached again. Pinned links stay attached.
@function object:detach
@treturn object itself
@fails
@raise in a forked process, as `link:destroy`
@see link:destroy
*/
static int object_detach(lua_State *L)
{
	struct owner *owner = object_check(L, 1);
	struct link *l;
	int err = 0;

	lua_settop(L, 1);
	for (l = next_of_object(owner->dependents); l; l = next_of_object(l->dependent.next))
		if (affects_others(l))
			process_check(L, l->maker, "the link of", l->name);
	while ((l = next_of_object(owner->dependents))) {
		int ret = destroy_link(l);

		if (ret && !err)
			err = value_errno(ret);
	}
	class_env(L, 1);
	lua_getfield(L, 2, "links");
	if (lua_istable(L, 3)) /* what the debug library put there may be none */
		for (lua_pushnil(L); lua_next(L, 3);) {
			lua_pop(L, 1);
			lua_pushvalue(L, -1);
			lua_pushnil(L);
			lua_rawset(L, 3);
		}
	if (err)
		return value_fail(L, err, "detach '%s'", owner->name);
	lua_settop(L, 1);
	return 1;
}

/* The handle is collected; the program stays attached, because the object has the link. */
static int link_gc(lua_State *L)
{
	struct link *l = ((struct link_handle *)class_retire(L, LINK))->l;
	struct owner *owner;

	if (!l)
		return 0;
	owner = l->owner;
	l->has_handle = false;
	if (!owner && l->link)
		destroy_link(l);
	else
		free_if_done(l);
	if (owner)
		owner_unref(owner);
	return 0;
}

static int link_tostring(lua_State *L)
{
	struct link *l = ((struct link_handle *)class_check(L, 1, LINK))->l;

	lua_pushfstring(L, "lbpf.link: %s%s", l->name, l->link ? "" : " (destroyed)");
	return 1;
}

void link_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"destroy", link_destroy},
		{"detach", link_detach},
		{"disconnect", link_disconnect},
		{"update_program", link_update_program},
		{"update_map", link_update_map},
		{"fd", link_fd},
		{"info", link_info},
		{"pin", link_pin},
		{"unpin", link_unpin},
		{"pin_path", link_pin_path},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {
		{"__gc", link_gc},
		{"__close", link_close},
		{"__tostring", link_tostring},
		{NULL, NULL},
	};

	static const luaL_Reg object_methods[] = {{"detach", object_detach}, {NULL, NULL}};

	class_new(L, LINK, methods, meta);
	object_add_methods(L, object_methods);
	lua_pushcfunction(L, link_open_pinned);
	lua_setfield(L, -2, "link_open");
}
