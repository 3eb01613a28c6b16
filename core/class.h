/* Userdata classes, and owners: C structures that outlive the Lua handles of their parts. */
#ifndef LBPF_CLASS_H
#define LBPF_CLASS_H

#include "compat.h"

/* Makes the metatable of NAME: METHODS behind __index, and META (__gc, __tostring ...). A class
 * with an __index function of its own finds the method table as that function's upvalue.
 */
void class_new(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta);

/* More methods for the class NAME. */
void class_add_methods(lua_State *L, const char *name, const luaL_Reg *methods);

/* A zeroed userdata of class NAME. Its uservalue is the table at ENV, or an empty one if 0. */
void *class_push(lua_State *L, const char *name, size_t size, int env);

/* For __gc: the userdata at 1, which must be of class NAME, and which ceases to be: whoever gets
 * hold of it afterwards, in another finalizer, finds a userdata of no class.
 */
void *class_retire(lua_State *L, const char *name);

/* What libbpf structures belong to. A handle in Lua may be collected, or its uservalue cut off
 * with the debug library, in any order: this count alone decides when memory goes.
 */
struct owner {
	const char *kind;                /* "object" */
	const char *name;                /* as its user knows it */
	void (*release)(struct owner *); /* the last reference is gone */
	unsigned refs;
	unsigned busy; /* libbpf is working on it further up this stack */
	bool closed;   /* its parts say so from now on */
};

static inline struct owner *owner_ref(struct owner *o)
{
	o->refs++;
	return o;
}

void owner_unref(struct owner *o);

/* Raises unless O is open; PART and NAME say what of it the script asked for. */
void owner_check(lua_State *L, const struct owner *o);

/* Raises unless O may be changed: open, and no libbpf call on it is under way. */
void owner_check_idle(lua_State *L, const struct owner *o, const char *operation);

#endif
