#include "object/object.h"

#include "base/frame.h"
#include "base/value.h"
#include "object/registry.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** Objects
@section objects
@usage print(object:name(), object:kernel_log())
*/

static const char OBJECT[] = "lbpf.object";

/* Memory or a descriptor that libbpf refers to: freed after the bpf_object. */
struct kept {
	struct kept *next;
	int fd; /* closed with the object; -1: none */
	max_align_t data[];
};

struct object {
	struct owner owner; /* first: other modules see only this */
	struct bpf_object *obj;
	enum object_phase phase;
	bool generating;
	struct registry_user user;
	struct kept *kept;
	char *log;   /* the kernel's log, in the kept memory; NULL: none */
	void *arena; /* the memory of its arena's variables after the load; NULL: none */
	char name[];
};

struct object_handle {
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

void **object_arena(struct owner *owner)
{
	return &object_from(owner)->arena;
}

bool object_is_generating(const struct owner *owner)
{
	return ((const struct object *)owner)->generating;
}

void object_start_generating(struct owner *owner)
{
	object_from(owner)->generating = true;
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

static struct object *check_object_handle(lua_State *L, int arg)
{
	return ((struct object_handle *)class_check(L, arg, OBJECT))->o;
}

struct owner *object_check(lua_State *L, int arg)
{
	struct object *o = check_object_handle(L, arg);

	owner_check(L, &o->owner);
	if (!o->obj) /* reached through debug.getuservalue() in a setup function */
		luaL_error(L, "object '%s' is being opened", o->name);
	return &o->owner;
}

void object_add_methods(lua_State *L, const luaL_Reg *methods)
{
	class_add_methods(L, OBJECT, methods);
}

/* Closing -------------------------------------------------------------------------------- */

void object_shut(struct owner *owner)
{
	struct object *o = object_from(owner);

	owner->closed = true;
	owner_shut_dependents(&o->owner);
	registry_release(&o->user);
	if (o->obj)
		bpf_object__close(o->obj);
	o->obj = NULL;
	for (struct kept *k = o->kept; k; k->fd = -1, k = k->next)
		if (k->fd >= 0)
			close(k->fd);
}

static void release_object(struct owner *owner)
{
	struct object *o = object_from(owner);

	object_shut(owner);
	while (o->kept) {
		struct kept *k = o->kept;

		o->kept = k->next;
		free(k);
	}
	free(o);
}

/*** Closes the object: destroys its links, and frees its programs and maps unless something else
refers to them. Using a program, map or link of a closed object is an error. A second call has no
effect. In a forked process this frees only what that process owns; the other process keeps its
programs attached. If a finalizer calls this during another method, the memory is freed with the
last handle.
@function object:close
@treturn boolean true
@raise inside a callback of this object
@usage object:close()
@see bpf_object__close
*/
static int object_close(lua_State *L)
{
	owner_close(L, &check_object_handle(L, 1)->owner, object_shut);
	lua_pushboolean(L, 1);
	return 1;
}

static int object_gc(lua_State *L)
{
	struct object_handle *h = class_retire(L, OBJECT);

	if (h->o)
		owner_unref(&h->o->owner);
	return 0;
}

/* Creating ------------------------------------------------------------------------------- */

struct owner *object_push(lua_State *L, const char *name)
{
	static const char *const parts[] = {"progs", "maps", "links", "handlers"};
	struct object_handle *h = class_push(L, OBJECT, sizeof(*h), 0);
	size_t size = strlen(name) + 1;

	h->o = calloc(1, sizeof(*h->o) + size);
	if (!h->o)
		luaL_error(L, "not enough memory");
	memcpy(h->o->name, name, size);
	h->o->owner = (struct owner){
		.kind = "object", .name = h->o->name, .release = release_object, .refs = 1};
	h->o->user.name = h->o->name;
	class_env(L, -1);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		lua_newtable(L);
		lua_setfield(L, -2, parts[i]);
	}
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "object"); /* so that a part keeps its object */
	return &h->o->owner;
}

void object_set(struct owner *owner, struct bpf_object *obj)
{
	object_from(owner)->obj = obj;
	owner->closed = !obj;
}

char *object_alloc_log(lua_State *L, struct owner *owner, size_t size)
{
	return object_from(owner)->log = object_alloc(L, owner, size + 1);
}

struct registry_user *object_registry_user(struct owner *owner)
{
	return &object_from(owner)->user;
}

/* Loading -------------------------------------------------------------------------------- */

int object_advance(lua_State *L, const char *operation, int (*step)(struct owner *),
		   enum object_phase last, enum object_phase next)
{
	static const char *const states[] = {
		[OBJECT_PREPARED] = "is prepared already",
		[OBJECT_LOADED] = "is loaded already",
		[OBJECT_GENERATED] = "is a loader program already",
		[OBJECT_FAILED] = "cannot be loaded: a load has failed",
	};
	struct object *o = check_object_handle(L, 1);
	struct frame f;
	int err;

	lua_settop(L, 1);
	owner_check_idle(L, &o->owner, operation);
	if (o->phase > last)
		return luaL_error(L, "object '%s' %s", o->name, states[o->phase]);
	class_env(L, 1);
	frame_enter(L, &f, &o->owner, 2);
	err = step(&o->owner);
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

/*** The kernel's log of the load, up to option `kernel_log_size` of `open`.
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

/*** The object's name: its file's name up to the first dot, or option `object_name`.
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
	class_env(L, 1);
	lua_getfield(L, -1, key);
	return 1;
}

static int object_tostring(lua_State *L)
{
	struct object *o = check_object_handle(L, 1);

	lua_pushfstring(L, "lbpf.object: %s%s", o->name, o->owner.closed ? " (closed)" : "");
	return 1;
}

void object_open(lua_State *L)
{
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
}
