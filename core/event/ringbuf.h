/* Ring buffers: events from BPF programs. */
#ifndef LBPF_EVENT_RINGBUF_H
#define LBPF_EVENT_RINGBUF_H

#include "base/compat.h"

struct ring_map;

/* Delivers up to WANTED events of one ring of the ring buffer at 1. Needs libbpf 1.3. */
int ringbuf_take(lua_State *L, struct ring_map *m, size_t wanted);

/* The map of the ring whose index is at ARG. */
struct ring_map *ringbuf_map(lua_State *L, int arg);

/* Adds methods of modules that are opened later. */
void ringbuf_add_methods(lua_State *L, const luaL_Reg *methods);

void ringbuf_open(lua_State *L);

#endif
