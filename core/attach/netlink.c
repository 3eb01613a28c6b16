#include "attach/netlink.h"

#include "base/enum.h"
#include "base/field.h"
#include "base/flags.h"
#include "base/frame.h"
#include "base/value.h"
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>

/*** @module lbpf */
/*** XDP and TC without links
@section net
@usage assert(lbpf.xdp_attach("lo", object.progs.drop, "skb_mode"))
print(lbpf.xdp_query_id("lo"), lbpf.xdp_query("lo").skb_prog_id)
assert(lbpf.xdp_detach("lo", "skb_mode"))

local net = assert(lbpf.open("net.bpf.o"))
assert(net:load())
local hook = {ifindex = "lo", attach_point = "ingress"}
assert(lbpf.tc_hook_create(hook))
local opts = {prog_fd = net.progs.tc_passes, handle = 1, priority = 1}
local filter = assert(lbpf.tc_attach(hook, opts))
print(filter.prog_id, lbpf.tc_query(hook, {handle = 1, priority = 1}).prog_id)
assert(lbpf.tc_detach(hook, {handle = 1, priority = 1}))
assert(lbpf.tc_hook_destroy(hook))
*/

int net_check_interface(lua_State *L, int idx, int arg, const char *operation)
{
	unsigned index;
	uint64_t number;

	if (lua_type(L, idx) == LUA_TSTRING) {
		index = if_nametoindex(lua_tostring(L, idx));
		if (!index)
			value_fail(L, errno, "%s: interface '%s'", operation, lua_tostring(L, idx));
		return (int)index;
	}
	luaL_argcheck(L, value_to_u64(L, idx, &number) && number >= 1 && number <= INT32_MAX, arg,
		      "expected a network interface: its index or its name");
	return (int)number;
}

/* Leaves F. Returns 0; or pushes what libbpf or the kernel refused of OPERATION, and returns how
 * many. */
static int fail_if(lua_State *L, struct frame *f, int ret, const char *operation, int ifindex)
{
	int err = ret ? value_errno(ret) : 0;
	char name[IF_NAMESIZE] = "?";

	frame_leave(f);
	if (!err)
		return 0;
	if_indextoname((unsigned)ifindex, name);
	return value_fail_logged(L, f, err, "%s: interface %d '%s'", operation, ifindex, name);
}

static uint32_t check_xdp_flags(lua_State *L, int arg)
{
	return flags_check(L, arg, flags_xdp);
}

/* XDP -------------------------------------------------------------------------------------- */

static const struct field xdp_attach_fields[] = {
	FIELD(struct bpf_xdp_attach_opts, old_prog_fd, FIELD_FD),
	FIELDS_END,
};

/*** Attaches an XDP program to a network interface without a link: it stays attached until it is
detached or replaced, even when the process ends. `program:attach_xdp` creates a link.
@function xdp_attach
@tparam integer|string ifindex index or name of the interface
@tparam program|integer prog_fd
@tparam ?integer|string|table flags bits, `lbpf.XDP_FLAGS_...`; a name ("skb_mode") or a list of
names
@tparam ?table opts `old_prog_fd`: replace this program and no other
@treturn boolean true
@failslog EBUSY if another program is attached that may not be replaced
@see bpf_xdp_attach
*/
static int xdp_attach(lua_State *L)
{
	struct bpf_xdp_attach_opts opts = {.sz = sizeof(opts)};
	uint32_t flags = check_xdp_flags(L, 3);
	int fd = value_check_fd(L, 2), ifindex, ret;
	struct frame f;

	lua_settop(L, 4);
	field_read(L, 4, xdp_attach_fields, &opts);
	ifindex = net_check_interface(L, 1, 1, "xdp_attach");
	if (!ifindex)
		return 3;
	frame_enter(L, &f, NULL, 0);
	ret = fail_if(L, &f, bpf_xdp_attach(ifindex, fd, flags, &opts), "xdp_attach", ifindex);
	if (!ret)
		lua_pushboolean(L, 1);
	return ret ? ret : 1;
}

/*** Detaches the XDP program of a network interface.
@function xdp_detach
@tparam integer|string ifindex index or name of the interface
@tparam ?integer|string flags the mode in which it was attached
@tparam ?table opts `old_prog_fd`: detach this program and no other
@treturn boolean true, also if there is no program
@failslog
@see bpf_xdp_detach
*/
static int xdp_detach(lua_State *L)
{
	struct bpf_xdp_attach_opts opts = {.sz = sizeof(opts)};
	uint32_t flags = check_xdp_flags(L, 2);
	struct frame f;
	int ifindex, ret;

	lua_settop(L, 3);
	field_read(L, 3, xdp_attach_fields, &opts);
	ifindex = net_check_interface(L, 1, 1, "xdp_detach");
	if (!ifindex)
		return 3;
	frame_enter(L, &f, NULL, 0);
	ret = fail_if(L, &f, bpf_xdp_detach(ifindex, flags, &opts), "xdp_detach", ifindex);
	if (!ret)
		lua_pushboolean(L, 1);
	return ret ? ret : 1;
}

static const struct field xdp_query_fields[] = {
	FIELD(struct bpf_xdp_query_opts, prog_id, FIELD_U32),
	FIELD(struct bpf_xdp_query_opts, drv_prog_id, FIELD_U32),
	FIELD(struct bpf_xdp_query_opts, hw_prog_id, FIELD_U32),
	FIELD(struct bpf_xdp_query_opts, skb_prog_id, FIELD_U32),
	FIELD(struct bpf_xdp_query_opts, attach_mode, FIELD_U8),
	FIELD_FROM(1, 2, struct bpf_xdp_query_opts, feature_flags, FIELD_U64),
	FIELD_FROM(1, 3, struct bpf_xdp_query_opts, xdp_zc_max_segs, FIELD_U32),
	FIELDS_END,
};

/*** Returns the XDP programs of a network interface.
@function xdp_query
@tparam integer|string ifindex index or name of the interface
@tparam ?integer|string flags at most one mode: "skb_mode", "drv_mode", "hw_mode"
@treturn table `prog_id`, `drv_prog_id`, `hw_prog_id`, `skb_prog_id` (0: none), `attach_mode`
 (`lbpf.XDP_ATTACHED_...`); `feature_flags` (64 bits) with libbpf 1.2, `xdp_zc_max_segs` with 1.3
@fails
@see bpf_xdp_query
*/
static int xdp_query(lua_State *L)
{
	struct bpf_xdp_query_opts opts = {.sz = sizeof(opts)};
	int flags = (int)check_xdp_flags(L, 2), ifindex, ret;
	struct frame f;

	ifindex = net_check_interface(L, 1, 1, "xdp_query");
	if (!ifindex)
		return 3;
	frame_enter(L, &f, NULL, 0);
	ret = fail_if(L, &f, bpf_xdp_query(ifindex, flags, &opts), "xdp_query", ifindex);
	if (ret)
		return ret;
	lua_newtable(L);
	field_push_all(L, xdp_query_fields, &opts, sizeof(opts));
	return 1;
}

/*** Returns the id of the XDP program of a network interface.
@function xdp_query_id
@tparam integer|string ifindex index or name of the interface
@tparam ?integer|string flags at most one mode: "skb_mode", "drv_mode", "hw_mode"
@treturn ?integer the program's id; nil if there is none
@fails
@see bpf_xdp_query_id
*/
static int xdp_query_id(lua_State *L)
{
	int flags = (int)check_xdp_flags(L, 2), ifindex, ret;
	struct frame f;
	__u32 id = 0;

	ifindex = net_check_interface(L, 1, 1, "xdp_query_id");
	if (!ifindex)
		return 3;
	frame_enter(L, &f, NULL, 0);
	ret = fail_if(L, &f, bpf_xdp_query_id(ifindex, flags, &id), "xdp_query_id", ifindex);
	if (ret)
		return ret;
	if (!id)
		return value_none(L);
	value_push_u32(L, id);
	return 1;
}

/* TC --------------------------------------------------------------------------------------- */

#define TC_QDISC (1 << 3) /* BPF_TC_QDISC, missing in older headers */

static const struct field tc_hook_fields[] = {
	FIELD_BY_MODULE("ifindex"),
	FIELD_BY_MODULE("attach_point"),
	FIELD(struct bpf_tc_hook, parent, FIELD_U32),
	FIELD_FROM(1, 6, struct bpf_tc_hook, handle, FIELD_U32),
	FIELD_FROM(1, 6, struct bpf_tc_hook, qdisc, FIELD_STRING),
	FIELDS_END,
};

static const char *attach_point_name(int id)
{
	switch (id) {
	case BPF_TC_INGRESS:
		return "ingress";
	case BPF_TC_EGRESS:
		return "egress";
	case BPF_TC_CUSTOM:
		return "custom";
	case TC_QDISC:
		return "qdisc";
	default:
		return NULL;
	}
}

static const struct enumeration attach_points = {"attach point", attach_point_name};

/* Reads the hook at 1. If there is no such interface, pushes the error and returns false. */
static bool check_hook(lua_State *L, struct bpf_tc_hook *hook, const char *operation)
{
	int attach_point = 0;
	bool has_qdisc = false;

	luaL_checktype(L, 1, LUA_TTABLE);
	field_read(L, 1, tc_hook_fields, hook);
	lua_getfield(L, 1, "attach_point");
	luaL_argcheck(
		L, enum_to_id(L, -1, &attach_points, &attach_point), 1,
		"field 'attach_point' must be \"ingress\", \"egress\", \"custom\", \"qdisc\" or "
		"a number");
	hook->attach_point = (enum bpf_tc_attach_point)attach_point;
#if LBPF_HEADERS(1, 6)
	has_qdisc = hook->qdisc;
#endif
	/* libbpf requires the name, and does not check it */
	luaL_argcheck(L, attach_point != TC_QDISC || has_qdisc, 1,
		      "attach point \"qdisc\" needs field 'qdisc'");
	lua_getfield(L, 1, "ifindex");
	luaL_argcheck(L, !lua_isnil(L, -1), 1, "field 'ifindex' is missing");
	hook->ifindex = net_check_interface(L, -1, 1, operation);
	return hook->ifindex != 0;
}

/* An operation on the hook at 1 without further arguments. */
static int tc_hook(lua_State *L, int (*operate)(struct bpf_tc_hook *), const char *operation)
{
	struct bpf_tc_hook hook = {.sz = sizeof(hook)};
	struct frame f;
	int ret;

	lua_settop(L, 1);
	if (!check_hook(L, &hook, operation))
		return 3;
	frame_enter(L, &f, NULL, 0);
	ret = fail_if(L, &f, operate(&hook), operation, hook.ifindex);
	if (!ret)
		lua_pushboolean(L, 1);
	return ret ? ret : 1;
}

/*** Creates the qdisc for TC programs.
@function tc_hook_create
@tparam table hook the fields of bpf_tc_hook: `ifindex` (index or name of the interface),
 `attach_point` ("ingress", "egress", or `lbpf.TC_...` added up), `parent`; with libbpf 1.6 also
 attach point "qdisc", with `handle` and `qdisc`, its name
@treturn boolean true
@failslog EEXIST if it exists
@see bpf_tc_hook_create
*/
static int tc_hook_create(lua_State *L)
{
	return tc_hook(L, bpf_tc_hook_create, "tc_hook_create");
}

/*** Removes the programs at "ingress" or "egress". With `lbpf.TC_INGRESS + lbpf.TC_EGRESS` it
removes the clsact qdisc, with "qdisc" (libbpf 1.6) the qdisc that `qdisc` and `handle` name.
@function tc_hook_destroy
@tparam table hook as for `lbpf.tc_hook_create`
@treturn boolean true
@failslog
@see bpf_tc_hook_destroy
*/
static int tc_hook_destroy(lua_State *L)
{
	return tc_hook(L, bpf_tc_hook_destroy, "tc_hook_destroy");
}

/* The fields that identify an attached program. */
static const struct field tc_result_fields[] = {
	FIELD(struct bpf_tc_opts, prog_id, FIELD_U32),
	FIELD(struct bpf_tc_opts, handle, FIELD_U32),
	FIELD(struct bpf_tc_opts, priority, FIELD_U32),
	FIELDS_END,
};

static const struct field tc_attach_fields[] = {
	FIELD(struct bpf_tc_opts, prog_fd, FIELD_FD),
	FIELD(struct bpf_tc_opts, flags, FIELD_TC_FLAGS),
	FIELD(struct bpf_tc_opts, handle, FIELD_U32),
	FIELD(struct bpf_tc_opts, priority, FIELD_U32),
	FIELDS_END,
};

/*** Attaches a TC program in direct-action mode, without a link.
@function tc_attach
@tparam table hook as for `lbpf.tc_hook_create`; attach point "custom" needs `parent`
@tparam table opts the fields of bpf_tc_opts: `prog_fd` (program or descriptor), `flags`
 (`lbpf.TC_F_REPLACE`), `handle` and `priority` (1 to 65535); 0: the kernel chooses
@treturn table `prog_id`, `handle` and `priority`, for `lbpf.tc_detach`
@failslog
@see bpf_tc_attach
*/
static int tc_attach(lua_State *L)
{
	struct bpf_tc_hook hook = {.sz = sizeof(hook)};
	struct bpf_tc_opts opts = {.sz = sizeof(opts)};
	struct frame f;
	int ret;

	lua_settop(L, 2);
	luaL_checktype(L, 2, LUA_TTABLE);
	field_read(L, 2, tc_attach_fields, &opts);
	if (!check_hook(L, &hook, "tc_attach"))
		return 3;
	frame_enter(L, &f, NULL, 0);
	ret = fail_if(L, &f, bpf_tc_attach(&hook, &opts), "tc_attach", hook.ifindex);
	if (ret)
		return ret;
	lua_newtable(L);
	field_push_all(L, tc_result_fields, &opts, sizeof(opts));
	return 1;
}

/* Reads the program at 2 that is attached to the hook at 1. */
static bool check_attached(lua_State *L, struct bpf_tc_hook *hook, struct bpf_tc_opts *opts,
			   const char *operation)
{
	lua_settop(L, 2);
	luaL_checktype(L, 2, LUA_TTABLE);
	field_read(L, 2, tc_result_fields, opts);
	opts->prog_id = 0; /* libbpf refuses it here, although bpf_tc_attach() sets it */
	return check_hook(L, hook, operation);
}

/*** Detaches a TC program.
@function tc_detach
@tparam table hook as for `lbpf.tc_attach`
@tparam table opts `handle` and `priority`, as `lbpf.tc_attach` returned them
@treturn boolean true
@failslog
@see bpf_tc_detach
*/
static int tc_detach(lua_State *L)
{
	struct bpf_tc_hook hook = {.sz = sizeof(hook)};
	struct bpf_tc_opts opts = {.sz = sizeof(opts)};
	struct frame f;
	int ret;

	if (!check_attached(L, &hook, &opts, "tc_detach"))
		return 3;
	frame_enter(L, &f, NULL, 0);
	ret = fail_if(L, &f, bpf_tc_detach(&hook, &opts), "tc_detach", hook.ifindex);
	if (!ret)
		lua_pushboolean(L, 1);
	return ret ? ret : 1;
}

/*** Returns the TC program that is attached.
@function tc_query
@tparam table hook as for `lbpf.tc_attach`
@tparam table opts `handle` and `priority`
@treturn ?table `prog_id`, `handle` and `priority`; nil if there is none
@failslog
@see bpf_tc_query
*/
static int tc_query(lua_State *L)
{
	struct bpf_tc_hook hook = {.sz = sizeof(hook)};
	struct bpf_tc_opts opts = {.sz = sizeof(opts)};
	struct frame f;
	int ret;

	if (!check_attached(L, &hook, &opts, "tc_query"))
		return 3;
	frame_enter(L, &f, NULL, 0);
	ret = bpf_tc_query(&hook, &opts);
	if (ret && value_errno(ret) == ENOENT) {
		frame_leave(&f);
		return value_none(L);
	}
	ret = fail_if(L, &f, ret, "tc_query", hook.ifindex);
	if (ret)
		return ret;
	lua_newtable(L);
	field_push_all(L, tc_result_fields, &opts, sizeof(opts));
	return 1;
}

void net_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"xdp_attach", xdp_attach},
		{"xdp_detach", xdp_detach},
		{"xdp_query", xdp_query},
		{"xdp_query_id", xdp_query_id},
		{"tc_hook_create", tc_hook_create},
		{"tc_hook_destroy", tc_hook_destroy},
		{"tc_attach", tc_attach},
		{"tc_detach", tc_detach},
		{"tc_query", tc_query},
		{NULL, NULL},
	};
	static const struct constant constants[] = {
		{"XDP_FLAGS_UPDATE_IF_NOEXIST", XDP_FLAGS_UPDATE_IF_NOEXIST},
		{"XDP_FLAGS_SKB_MODE", XDP_FLAGS_SKB_MODE},
		{"XDP_FLAGS_DRV_MODE", XDP_FLAGS_DRV_MODE},
		{"XDP_FLAGS_HW_MODE", XDP_FLAGS_HW_MODE},
		{"XDP_FLAGS_REPLACE", XDP_FLAGS_REPLACE},
		{"XDP_ATTACHED_NONE", XDP_ATTACHED_NONE},
		{"XDP_ATTACHED_DRV", XDP_ATTACHED_DRV},
		{"XDP_ATTACHED_SKB", XDP_ATTACHED_SKB},
		{"XDP_ATTACHED_HW", XDP_ATTACHED_HW},
		{"XDP_ATTACHED_MULTI", XDP_ATTACHED_MULTI},
		{"TC_INGRESS", BPF_TC_INGRESS},
		{"TC_EGRESS", BPF_TC_EGRESS},
		{"TC_CUSTOM", BPF_TC_CUSTOM},
		{"TC_QDISC", TC_QDISC},
		{"TC_F_REPLACE", BPF_TC_F_REPLACE},
		{NULL, 0},
	};

	luaL_setfuncs(L, functions, 0);
	enum_set_constants(L, constants);
}
