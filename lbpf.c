/* lbpf: the whole of libbpf in Lua. This file opens each module of core/ and does nothing else. */
#include "core/attach/attach.h"
#include "core/attach/fd.h"
#include "core/attach/link.h"
#include "core/attach/linklist.h"
#include "core/attach/netlink.h"
#include "core/base/fd.h"
#include "core/base/frame.h"
#include "core/base/iterator.h"
#include "core/base/log.h"
#include "core/base/nearest.h"
#include "core/base/process.h"
#include "core/base/traceback.h"
#include "core/base/value.h"
#include "core/btf/btf.h"
#include "core/btf/change.h"
#include "core/btf/codec.h"
#include "core/btf/dump.h"
#include "core/btf/ext.h"
#include "core/btf/extdata.h"
#include "core/btf/layout.h"
#include "core/btf/maker.h"
#include "core/btf/query.h"
#include "core/btf/write.h"
#include "core/check/interposed.h"
#include "core/event/aggregate.h"
#include "core/event/interrupt.h"
#include "core/event/jit_events.h"
#include "core/event/perf.h"
#include "core/event/perfbuf.h"
#include "core/event/poller.h"
#include "core/event/ring.h"
#include "core/event/ringbuf.h"
#include "core/event/userring.h"
#include "core/kernel/cache.h"
#include "core/kernel/info.h"
#include "core/kernel/linfo.h"
#include "core/kernel/linker.h"
#include "core/kernel/pins.h"
#include "core/kernel/probe.h"
#include "core/kernel/spawn.h"
#include "core/kernel/syscall.h"
#include "core/kernel/types.h"
#include "core/map/attr.h"
#include "core/map/batch.h"
#include "core/map/clear.h"
#include "core/map/create.h"
#include "core/map/elem.h"
#include "core/map/init.h"
#include "core/map/jit_maps.h"
#include "core/map/map.h"
#include "core/map/vars.h"
#include "core/map/view.h"
#include "core/map/walk.h"
#include "core/object/handler.h"
#include "core/object/load.h"
#include "core/object/loadopts.h"
#include "core/object/object.h"
#include "core/object/progattr.h"
#include "core/object/program.h"
#include "core/object/types.h"
#include "core/object/write.h"
#include "core/open/open.h"
#include "core/open/parts.h"
#include "core/open/pin.h"
#include "core/symbol/symbols.h"

__attribute__((visibility("default"))) int luaopen_lbpf_core(lua_State *L);

/* One module per line, by folder. A module that adds methods to a class comes after the one that
 * creates the class.
 */
/* clang-format off */
static void (*const modules[])(lua_State *) = {
	interposed_open, /* before libbpf is called */

	process_open,
	class_open,
	iterator_open,
	value_open,
	frame_open,
	log_open,
	nearest_open,
	traceback_open,
	fd_open,

	symbols_open,

	btf_open,
	btfquery_open,
	btfdump_open,
	btfwrite_open,
	btfwrite_decl_open,
	btfchange_open,
	ext_open,
	extdata_open,
	layout_open,
	codec_open,
	maker_open,

	object_open,
	objwrite_open,
	program_open,
	progattr_open,
	objtypes_open,
	load_open,
	handler_open,
	load_scope_open,

	map_open,
	mapview_open,
	mapattr_open,
	mapinit_open,
	mapcreate_open,
	mapelem_open,
	mapbatch_open,
	mapwalk_open,
	mapclear_open,
	jit_maps_open,
	vars_open,

	open_open,
	parts_open,
	pin_open,

	link_open,
	linklist_open,
	attach_open,
	attach_kernel_open,
	attach_event_open,
	attach_net_open,
	attach_btf_open,
	attach_fd_open,
	net_open,

	jit_events_open,
	aggregate_open,
	perf_open,
	perfbuf_open,
	poller_open,
	interrupt_open,
	ringbuf_open,
	ring_open,
	userring_open,

	ids_open,
	info_open,
	linfo_open,
	linker_open,
	linkfd_open,
	pins_open,
	probe_open,
	progfd_open,
	spawn_open,
	cache_open,
	syscall_open,
	types_open,
};
/* clang-format on */

int luaopen_lbpf_core(lua_State *L)
{
	enum { FUNCTIONS = 256 }; /* about so many: a table that grows takes time */

	lua_createtable(L, 0, FUNCTIONS);
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		modules[i](L);
	return 1;
}
