/* lbpf: the whole of libbpf in Lua. This file opens each room of core/, nothing else. */
#include "core/fd.h"
#include "core/frame.h"
#include "core/handler.h"
#include "core/link.h"
#include "core/loadopts.h"
#include "core/log.h"
#include "core/map.h"
#include "core/object.h"
#include "core/perf.h"
#include "core/perfbuf.h"
#include "core/probe.h"
#include "core/program.h"
#include "core/ring.h"
#include "core/ringbuf.h"
#include "core/userring.h"
#include "core/value.h"

__attribute__((visibility("default"))) int luaopen_lbpf_core(lua_State *L);

int luaopen_lbpf_core(lua_State *L)
{
	static void (*const rooms[])(lua_State *) = {
		value_open,   frame_open,   log_open,      probe_open,      fd_open,   object_open,
		program_open, map_open,     handler_open,  load_scope_open, link_open, ring_open,
		ringbuf_open, perfbuf_open, userring_open, perf_open,
	};

	lua_newtable(L);
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
		rooms[i](L);
	return 1;
}
