/* What ring buffers and perf buffers share: two classes with the same methods to read events. */
#ifndef LBPF_EVENT_BUFFER_H
#define LBPF_EVENT_BUFFER_H

#include "base/class.h"

struct batch;

/* Their names, which are also the classes. */
extern const char RINGBUF[], PERFBUF[];

/* Creates one of the classes: the shared methods, METHODS, and a finalizer. Its userdata start with
 * a struct batch.
 */
void buffer_class_new(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc);

/* The buffer of class NAME at 1; raises unless it is open. */
struct batch *buffer_check(lua_State *L, const char *name);

#endif
