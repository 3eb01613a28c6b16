/* BPF objects. Other modules see one as the owner of its programs, maps and links. */
#ifndef LBPF_OBJECT_OBJECT_H
#define LBPF_OBJECT_OBJECT_H

#include "base/class.h"

struct registry_user;

/* The argument ARG; raises unless it is an object that is open. */
struct owner *object_check(lua_State *L, int arg);

struct bpf_object *object_of(struct owner *owner);

/* Generated and failed are in the place of loaded: what comes after is closing only. */
enum object_phase {
	OBJECT_OPENED,
	OBJECT_PREPARED,
	OBJECT_LOADED,
	OBJECT_GENERATED, /* a loader program was made of it */
	OBJECT_FAILED
};

/* Takes the object at 1 to the phase NEXT by a STEP of libbpf's, which OPERATION names. Raises
 * if it is beyond the phase LAST. Returns 1, with the object alone on the stack; or more: nil,
 * message, errno, log.
 */
int object_advance(lua_State *L, const char *operation, int (*step)(struct bpf_object *),
		   enum object_phase last, enum object_phase next);

/* Has its loading begun; has it ended; and well? */
bool object_is_prepared(const struct owner *owner);
bool object_is_loading_over(const struct owner *owner);
bool object_is_loaded(const struct owner *owner);

/* Have its maps been created? */
bool object_has_maps(const struct owner *owner);

/* Does it make a loader program? What libbpf then has for descriptors are none. */
bool object_is_generating(const struct owner *owner);
void object_start_generating(struct owner *owner);

/* Zeroed memory that lives as long as the object; raises if there is none. */
void *object_alloc(lua_State *L, struct owner *owner, size_t size);

/* A place for a descriptor, -1 now, that will be closed when libbpf has closed the object. */
int *object_alloc_fd(lua_State *L, struct owner *owner);

/* For who opens an object. Pushes the handle, and its uservalue, which all its parts share: progs,
 * maps and links by name, handlers by program, and the parts by address. libbpf has not opened it
 * yet.
 */
struct owner *object_push(lua_State *L, const char *name);

/* What libbpf has opened; NULL: nothing, and the object is closed. */
void object_set(struct owner *owner, struct bpf_object *obj);

/* Memory for SIZE bytes of the kernel's log. */
char *object_alloc_log(lua_State *L, struct owner *owner, size_t size);

/* Its entry in the list of those that libbpf's array of handlers is kept still for. */
struct registry_user *object_registry_user(struct owner *owner);

/* Closes it: what depends on it goes first. */
void object_shut(struct owner *owner);

/* Methods of objects that other modules have, which open later. */
void object_add_methods(lua_State *L, const luaL_Reg *methods);

void object_open(lua_State *L);

#endif
