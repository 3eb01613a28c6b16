/* Code that delivers a buffer's events in LuaJIT: lua/lbpf/jit generates it for the type of the
 * events. From C, LuaJIT's 64-bit integers are expensive to create. Other Luas do not use this.
 */
#ifndef LBPF_EVENT_JIT_EVENTS_H
#define LBPF_EVENT_JIT_EVENTS_H

#include "btf/codec.h"
#include "event/batch.h"

/* Generates code for the events that the batch's FUNCTION receives. C is the codec that decodes
 * them; NULL: they are bytes. The table of functions, on top of the stack, keeps the code.
 */
void jit_events_add(lua_State *L, struct batch *b, int function, const struct codec *c,
		    bool has_cpu);

void jit_events_open(lua_State *L);

#endif
