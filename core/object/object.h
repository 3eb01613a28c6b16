/* BPF objects. To other modules an object is the owner of its programs, maps and links. */
#ifndef LBPF_OBJECT_OBJECT_H
#define LBPF_OBJECT_OBJECT_H

#include "base/class.h"

struct registry_user;

/* Missing in the oldest headers. */
enum { MAP_TYPE_ARENA = 33 };

/* The argument ARG; raises if it is not an open object. */
struct owner *object_check(lua_State *L, int arg);

struct bpf_object *object_of(struct owner *owner);

/* "Generated" and "failed" replace "loaded": after them the object can only be closed. */
enum object_phase {
	OBJECT_OPENED,
	OBJECT_PREPARED,
	OBJECT_LOADED,
	OBJECT_GENERATED, /* a loader program was made of it */
	OBJECT_FAILED
};

/* Calls STEP, which calls the function of libbpf that OPERATION names, to bring the object at 1 to
 * the phase NEXT. Raises if it is beyond the phase LAST. Returns 1, with only the object on the
 * stack; or 4: nil, message, errno, log.
 */
int object_advance(lua_State *L, const char *operation, int (*step)(struct owner *),
		   enum object_phase last, enum object_phase next);

/* Has loading begun; has it ended; and did it succeed? */
bool object_is_prepared(const struct owner *owner);
bool object_is_loading_over(const struct owner *owner);
bool object_is_loaded(const struct owner *owner);

/* Have its maps been created? */
bool object_has_maps(const struct owner *owner);

/* Where the address of its arena's variables is kept, which is known after the load. libbpf has
 * that memory.
 */
void **object_arena(struct owner *owner);

/* Is it making a loader program? Then libbpf's descriptors are not real ones. */
bool object_is_generating(const struct owner *owner);
void object_start_generating(struct owner *owner);

/* Zeroed memory that lives as long as the object; raises if there is not enough. */
void *object_alloc(lua_State *L, struct owner *owner, size_t size);

/* A variable for a descriptor, initially -1, which is closed after libbpf has closed the object. */
int *object_alloc_fd(lua_State *L, struct owner *owner);

/* For opening an object: pushes the handle, and its uservalue, which all its parts share: progs,
 * maps and links by name, handlers by program, and handles by address. libbpf has not opened the
 * object yet.
 */
struct owner *object_push(lua_State *L, const char *name);

/* Sets the object that libbpf has opened; NULL: it failed, and the object is closed. */
void object_set(struct owner *owner, struct bpf_object *obj);

/* Memory for SIZE bytes of the kernel's log. */
char *object_alloc_log(lua_State *L, struct owner *owner, size_t size);

/* Its entry in the list of objects for which libbpf's array of handlers must not change. */
struct registry_user *object_registry_user(struct owner *owner);

/* Closes it, after its dependents. */
void object_shut(struct owner *owner);

/* Adds methods of modules that are opened later. */
void object_add_methods(lua_State *L, const luaL_Reg *methods);

void object_open(lua_State *L);

#endif
