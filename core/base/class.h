/* Userdata classes, and owners: C structures that outlive the Lua handles of their parts. */
#ifndef LBPF_BASE_CLASS_H
#define LBPF_BASE_CLASS_H

#include "base/compat.h"

/* Makes the metatable of NAME: METHODS behind __index, and META (__gc, __tostring ...). A class
 * with an __index function of its own finds the method table as that function's upvalue.
 */
void class_new(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta);

/* More methods for the class NAME. */
void class_add_methods(lua_State *L, const char *name, const luaL_Reg *methods);

/* A zeroed userdata of class NAME. Its uservalue is the table at ENV, or an empty one if 0. */
void *class_push(lua_State *L, const char *name, size_t size, int env);

/* The userdata at IDX, if it is of class NAME, the very one that class_new() got; else NULL. */
void *class_test(lua_State *L, int idx, const char *name);

/* The same, which raises. */
void *class_check(lua_State *L, int idx, const char *name);

/* For __gc: the userdata at 1, which must be of class NAME, and which ceases to be: whoever gets
 * hold of it afterwards, in another finalizer, finds a userdata of no class.
 */
void *class_retire(lua_State *L, const char *name);

/* A __pairs: what the method pairs() of the userdata at 1 returns. */
int class_pairs(lua_State *L);

/* What libbpf structures belong to. A handle in Lua may be collected, or its uservalue cut off
 * with the debug library, in any order: this count alone decides when memory goes.
 */
struct dependent;

struct owner {
	const char *kind;                /* "object" */
	const char *name;                /* as its user knows it */
	void (*release)(struct owner *); /* the last reference is gone */
	unsigned refs;
	unsigned busy; /* libbpf is working on it further up this stack */
	bool closed;   /* its parts say so from now on */
	struct dependent *dependents;
};

static inline struct owner *owner_ref(struct owner *o)
{
	o->refs++;
	return o;
}

void owner_unref(struct owner *o);

/* What uses an owner's parts, and so must go before they do. On the list exactly while it is open.
 */
struct dependent {
	struct dependent *next, **at;
	void (*shut)(struct dependent *); /* calls dependent_leave() */
};

void dependent_join(struct dependent *d, struct owner *o);
void dependent_leave(struct dependent *d);

/* For the owner that closes. */
void owner_shut_dependents(struct owner *o);

/* Raises unless O is open; PART and NAME say what of it the script asked for. */
void owner_check(lua_State *L, const struct owner *o);

/* The method close(): SHUT frees what there is; at once, or, if a finalizer calls this in the
 * middle of another method, which may be using it, with the last handle. RELEASE is to call SHUT,
 * too.
 */
void owner_close(lua_State *L, struct owner *o, void (*shut)(struct owner *));

/* Raises unless O may be changed: open, and no libbpf call on it is under way. */
void owner_check_idle(lua_State *L, const struct owner *o, const char *operation);

#endif
