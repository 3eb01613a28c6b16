/* Code that delivers a buffer's events, generated for their type and compiled by LuaJIT, which has
 * no cheap way to make integers of 64 bits from C: lua/lbpf/jit. In other Luas there is none.
 */
#ifndef LBPF_EVENT_JIT_EVENTS_H
#define LBPF_EVENT_JIT_EVENTS_H

#include "btf/codec.h"
#include "event/batch.h"

/* Has code made for the events that the FUNCTION of a batch is called with: C decodes them, or they
 * are bytes if it is NULL. The table of functions is on top, and keeps it.
 */
void jit_events_add(lua_State *L, struct batch *b, int function, const struct codec *c,
		    struct batch_counters *delivered, bool has_cpu);

void jit_events_open(lua_State *L);

#endif
