/* Userdata classes, and owners: C structures that outlive the Lua handles of their parts. */
#ifndef LBPF_BASE_CLASS_H
#define LBPF_BASE_CLASS_H

#include "base/compat.h"

/* Creates the metatable of class NAME, with METHODS in __index, and META (__gc, __tostring ...). If
 * META has an __index function, the method table is its upvalue.
 */
void class_new(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta);

/* Adds methods to the class NAME. */
void class_add_methods(lua_State *L, const char *name, const luaL_Reg *methods);

/* Pushes a zeroed userdata of class NAME. Its uservalue is the table at ENV; if ENV is 0, a new
 * one. */
void *class_push(lua_State *L, const char *name, size_t size, int env);

/* The userdata at IDX if it is of class NAME (the same pointer as in class_new()); else NULL. */
void *class_test(lua_State *L, int idx, const char *name);

/* The same, but raises an argument error. */
void *class_check(lua_State *L, int idx, const char *name);

/* Pushes the uservalue of the userdata at IDX: a table. Raises if the debug library has put
 * something else there; what is in the table is not checked.
 */
void class_env(lua_State *L, int idx);

/* For __gc: the userdata at 1, which must be of class NAME, and which ceases to be: whoever gets
 * hold of it afterwards, in another finalizer, finds a userdata of no class. Raises unless the
 * collector calls it.
 */
void *class_retire(lua_State *L, const char *name);

void class_open(lua_State *L);

/* A __pairs: what the method pairs() of the userdata at 1 returns. */
int class_pairs(lua_State *L);

/* The owner of libbpf structures. Handles in Lua may be collected in any order, or lose their
 * uservalue to the debug library: only this count decides when the memory is freed.
 */
struct dependent;

struct owner {
	const char *kind;                /* "object" */
	const char *name;                /* for messages */
	void (*release)(struct owner *); /* called when the last reference is gone */
	unsigned refs;
	unsigned busy; /* libbpf calls on it in progress, further up this stack */
	bool closed;   /* every use of its parts raises */
	struct dependent *dependents;
};

static inline struct owner *owner_ref(struct owner *o)
{
	o->refs++;
	return o;
}

void owner_unref(struct owner *o);

/* Something that uses an owner's parts, and must be shut before they are freed. It is in the
 * owner's list while it is open.
 */
struct dependent {
	struct dependent *next, **at;
	void (*shut)(struct dependent *); /* calls dependent_leave() */
};

void dependent_join(struct dependent *d, struct owner *o);
void dependent_leave(struct dependent *d);

/* Shuts all dependents; called when the owner is closed. */
void owner_shut_dependents(struct owner *o);

/* Raises if O is closed. */
void owner_check(lua_State *L, const struct owner *o);

/* Implements the method close(): marks O closed, and calls SHUT, which frees its parts. If a
 * finalizer calls this in the middle of another method, the parts may be in use: then they are
 * freed with the last handle, so RELEASE must call SHUT, too.
 */
void owner_close(lua_State *L, struct owner *o, void (*shut)(struct owner *));

/* Raises if O is closed, or if a libbpf call on it is in progress. */
void owner_check_idle(lua_State *L, const struct owner *o, const char *operation);

#endif
