/* lbpf: the whole of libbpf in Lua. This file opens each room of core/, nothing else. */
#include "core/attach/fd.h"
#include "core/attach/link.h"
#include "core/attach/netlink.h"
#include "core/base/fd.h"
#include "core/base/frame.h"
#include "core/base/log.h"
#include "core/base/process.h"
#include "core/base/value.h"
#include "core/btf/btf.h"
#include "core/btf/codec.h"
#include "core/btf/dump.h"
#include "core/event/jit_events.h"
#include "core/event/perf.h"
#include "core/event/perfbuf.h"
#include "core/event/poller.h"
#include "core/event/ring.h"
#include "core/event/ringbuf.h"
#include "core/event/userring.h"
#include "core/kernel/linfo.h"
#include "core/kernel/linker.h"
#include "core/kernel/probe.h"
#include "core/kernel/syscall.h"
#include "core/kernel/types.h"
#include "core/map/jit_maps.h"
#include "core/map/map.h"
#include "core/map/vars.h"
#include "core/map/view.h"
#include "core/map/walk.h"
#include "core/object/handler.h"
#include "core/object/loadopts.h"
#include "core/object/object.h"
#include "core/object/program.h"

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
	jit_events_open,
	fd_open,
	handler_open,
	linfo_open,
	link_open,
	linker_open,
	load_scope_open,
	map_open,
	mapview_open,
	jit_maps_open,
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
