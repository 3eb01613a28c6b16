/* lbpf: the whole of libbpf in Lua. This file opens each room of core/, nothing else. */
#include "core/attach_fd.h"
#include "core/btf.h"
#include "core/btfdump.h"
#include "core/codec.h"
#include "core/compiled.h"
#include "core/fd.h"
#include "core/frame.h"
#include "core/handler.h"
#include "core/linfo.h"
#include "core/link.h"
#include "core/linker.h"
#include "core/loadopts.h"
#include "core/log.h"
#include "core/map.h"
#include "core/mapcompiled.h"
#include "core/mapview.h"
#include "core/mapwalk.h"
#include "core/net.h"
#include "core/object.h"
#include "core/perf.h"
#include "core/perfbuf.h"
#include "core/poller.h"
#include "core/probe.h"
#include "core/process.h"
#include "core/program.h"
#include "core/ring.h"
#include "core/ringbuf.h"
#include "core/syscall.h"
#include "core/types.h"
#include "core/userring.h"
#include "core/value.h"
#include "core/vars.h"

__attribute__((visibility("default"))) int luaopen_lbpf_core(lua_State *L);

/* One room a line; the first ones are what others build on. */
/* clang-format off */
static void (*const rooms[])(lua_State *) = {
	process_open,
	value_open,
	frame_open,
	log_open,
	object_open,
	attach_fd_open,
	btf_open,
	btfdump_open,
	codec_open,
	compiled_open,
	fd_open,
	handler_open,
	linfo_open,
	link_open,
	linker_open,
	load_scope_open,
	map_open,
	mapview_open,
	mapcompiled_open,
	mapwalk_open,
	net_open,
	perf_open,
	perfbuf_open,
	poller_open,
	probe_open,
	program_open,
	ring_open,
	ringbuf_open,
	syscall_open,
	types_open,
	userring_open,
	vars_open,
};
/* clang-format on */

int luaopen_lbpf_core(lua_State *L)
{
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
		rooms[i](L);
	return 1;
}
