#include "link.h"

#include "frame.h"
#include "object.h"
#include "value.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*** @module lbpf */
/*** Links
@section links
*/

#define LINK "lbpf.link"

/* On its object's list exactly while LINK is set; freed when that and the handle are gone. */
struct link {
	struct link *next, **at;
	struct bpf_link *link;
	struct owner *owner;
	bool has_handle;
	char prog[];
};

struct handle {
	struct link *l;
};

struct link *link_push(lua_State *L, struct owner *owner, const char *prog, int env)
{
	struct handle *h = class_push(L, LINK, sizeof(*h), env);
	size_t size = strlen(prog) + 1;

	h->l = calloc(1, sizeof(*h->l) + size);
	if (!h->l)
		luaL_error(L, "not enough memory");
	memcpy(h->l->prog, prog, size);
	h->l->owner = owner_ref(owner);
	h->l->has_handle = true;
	return h->l;
}

void link_set(struct link *l, struct bpf_link *link)
{
	struct link **list = object_links(l->owner);

	l->link = link;
	l->next = *list;
	l->at = list;
	if (l->next)
		l->next->at = &l->next;
	*list = l;
}

static void free_if_done(struct link *l)
{
	if (!l->link && !l->has_handle)
		free(l);
}

static int destroy(struct link *l)
{
	int ret = bpf_link__destroy(l->link);

	*l->at = l->next;
	if (l->next)
		l->next->at = l->at;
	l->link = NULL;
	free_if_done(l);
	return ret;
}

void link_destroy_all(struct link **list)
{
	while (*list)
		destroy(*list);
}

static struct handle *test(lua_State *L, int idx)
{
	return luaL_testudata(L, idx, LINK);
}

static struct link *check(lua_State *L)
{
	struct link *l = ((struct handle *)luaL_checkudata(L, 1, LINK))->l;

	owner_check(L, l->owner);
	if (!l->link)
		luaL_error(L, "the link of program '%s' was destroyed", l->prog);
	return l;
}

bool link_is_attached(lua_State *L, int idx)
{
	struct handle *h = test(L, idx);
	bool attached = false;

	if (h)
		return h->l->link;
	if (!lua_istable(L, idx))
		return false;
	for (size_t i = 1, n = lua_rawlen(L, idx); i <= n && !attached; i++) {
		lua_rawgeti(L, idx, (int)i);
		h = test(L, -1);
		attached = h && h->l->link;
		lua_pop(L, 1);
	}
	return attached;
}

static void check_one(lua_State *L, int idx, const struct owner *owner)
{
	struct handle *h = test(L, idx);

	if (!h)
		luaL_error(L, "prog_attach_fn must return a link, a list of links, or nil; not %s",
			   luaL_typename(L, idx));
	else if (!h->l->link)
		luaL_error(L, "prog_attach_fn returned a link that was destroyed");
	else if (h->l->owner != owner)
		luaL_error(L, "prog_attach_fn returned a link of object '%s'", h->l->owner->name);
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

/* Destroys the link of the handle at IDX, and takes it out of obj.links. 0, or libbpf's error. */
static int destroy_handle(lua_State *L, int idx)
{
	struct link *l = ((struct handle *)lua_touserdata(L, idx))->l;
	int ret, top = lua_gettop(L);

	if (!l->link)
		return 0;
	idx = lua_absindex(L, idx);
	ret = destroy(l);
	compat_getuservalue(L, idx);
	lua_getfield(L, -1, "links");
	lua_getfield(L, -1, l->prog);
	if (lua_rawequal(L, -1, idx)) {
		lua_pushnil(L);
		lua_setfield(L, -3, l->prog);
	}
	lua_settop(L, top);
	return ret;
}

void link_destroy_returned(lua_State *L, int idx)
{
	if (test(L, idx))
		destroy_handle(L, idx);
	if (!lua_istable(L, idx))
		return;
	idx = lua_absindex(L, idx);
	for (size_t i = 1, n = lua_rawlen(L, idx); i <= n; i++) {
		lua_rawgeti(L, idx, (int)i);
		if (test(L, -1))
			destroy_handle(L, -1);
		lua_pop(L, 1);
	}
}

/*** Detaches the program, unless the link is pinned, and ends the link. Done again it does
nothing.
@function link:destroy
@treturn boolean true
@treturn[2] nil
@treturn[2] string message, and the error number; the link is gone all the same
@see bpf_link__destroy
*/
static int link_destroy(lua_State *L)
{
	const struct link *l = ((struct handle *)luaL_checkudata(L, 1, LINK))->l;
	int ret = destroy_handle(L, 1);

	return value_result(L, ret ? value_errno(ret) : 0, "destroy: link of '%s'", l->prog);
}

/*** Detaches the program in the kernel, and keeps the link as an empty one.
@function link:detach
@treturn boolean true
@treturn[2] nil
@treturn[2] string message, and the error number: EOPNOTSUPP for links that cannot
@see bpf_link__detach
*/
static int link_detach(lua_State *L)
{
	struct link *l = check(L);
	int ret = bpf_link__detach(l->link);

	return value_result(L, ret ? value_errno(ret) : 0, "detach: link of '%s'", l->prog);
}

/*** The link's file descriptor, which stays the link's.
@function link:fd
@treturn integer
@see bpf_link__fd
*/
static int link_fd(lua_State *L)
{
	lua_pushinteger(L, bpf_link__fd(check(L)->link));
	return 1;
}

/*** Pins the link into a BPF file system: the program stays attached when the process ends.
@function link:pin
@tparam string path where no file is yet
@treturn boolean true
@treturn[2] nil
@treturn[2] string message, the error number, and what libbpf had to say
@see bpf_link__pin
*/
static int link_pin(lua_State *L)
{
	struct link *l = check(L);
	const char *path = luaL_checkstring(L, 2);
	struct frame f;
	int err;

	frame_enter(L, &f, l->owner, 0);
	err = bpf_link__pin(l->link, path);
	if (err)
		err = value_errno(err);
	frame_leave(&f);
	if (err)
		return value_fail_logged(L, &f, err, "pin '%s'", path);
	lua_pushboolean(L, 1);
	return 1;
}

/*** Removes the link's file from the BPF file system.
@function link:unpin
@treturn boolean true
@treturn[2] nil
@treturn[2] string message, and the error number
@see bpf_link__unpin
*/
static int link_unpin(lua_State *L)
{
	struct link *l = check(L);
	int ret = bpf_link__unpin(l->link);

	return value_result(L, ret ? value_errno(ret) : 0, "unpin: link of '%s'", l->prog);
}

/*** Where the link is pinned.
@function link:pin_path
@treturn ?string
@see bpf_link__pin_path
*/
static int link_pin_path(lua_State *L)
{
	const char *path = bpf_link__pin_path(check(L)->link);

	if (path)
		lua_pushstring(L, path);
	else
		lua_pushnil(L);
	return 1;
}

/* The handle goes; the program stays attached, for the object still has the link. */
static int link_gc(lua_State *L)
{
	struct link *l = ((struct handle *)class_retire(L, LINK))->l;
	struct owner *owner;

	if (!l)
		return 0;
	owner = l->owner;
	l->has_handle = false;
	free_if_done(l);
	owner_unref(owner);
	return 0;
}

static int link_tostring(lua_State *L)
{
	struct link *l = ((struct handle *)luaL_checkudata(L, 1, LINK))->l;

	lua_pushfstring(L, "lbpf.link: %s%s", l->prog, l->link ? "" : " (destroyed)");
	return 1;
}

void link_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"destroy", link_destroy},
		{"detach", link_detach},
		{"fd", link_fd},
		{"pin", link_pin},
		{"unpin", link_unpin},
		{"pin_path", link_pin_path},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {
		{"__gc", link_gc},
		{"__close", link_destroy},
		{"__tostring", link_tostring},
		{NULL, NULL},
	};

	class_new(L, LINK, methods, meta);
}
