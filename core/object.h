/* BPF objects. Other rooms see one as the owner of its programs, maps and links. */
#ifndef LBPF_OBJECT_H
#define LBPF_OBJECT_H

#include "class.h"

struct link;

/* The argument ARG; raises unless it is an object that is open. */
struct owner *object_check(lua_State *L, int arg);

struct bpf_object *object_of(struct owner *owner);

/* Has bpf_object__load() been called, and did it succeed? */
bool object_is_loading_over(const struct owner *owner);
bool object_is_loaded(const struct owner *owner);

/* Zeroed memory that lives as long as the object; raises if there is none. */
void *object_alloc(lua_State *L, struct owner *owner, size_t size);

/* A place for a descriptor, -1 now, that will be closed when libbpf has closed the object. */
int *object_alloc_fd(lua_State *L, struct owner *owner);

/* The list of links that are attached until they are destroyed or the object is closed. */
struct link **object_links(struct owner *owner);

void object_open(lua_State *L);

#endif
