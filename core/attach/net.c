/* Attaching to cgroups, namespaces, interfaces and sockets: cgroup, netns, xdp, tcx, netkit,
 * netfilter, sockmap.
 */
#include "attach/attach.h"

#include "attach/attempt.h"
#include "attach/netlink.h"
#include "attach/relative.h"
#include "base/fd.h"
#include "base/field.h"
#include "base/value.h"
#include "object/program.h"
#include <errno.h>

/*** @module lbpf */
/*** Attaching to packets and sockets
@section attaching_net
@usage local net = assert(lbpf.open("net.bpf.o"))
assert(net:load())
assert(net.progs.connect_allowed:attach_cgroup("/sys/fs/cgroup"))
assert(net.progs.lookup_drops:attach_netns("/proc/self/ns/net"))
*/

/* Missing in the oldest libbpf that the module runs with. */
#if LBPF_HEADERS(1, 3)
#pragma weak bpf_program__attach_tcx
#pragma weak bpf_program__attach_netkit
#pragma weak bpf_program__attach_netfilter
#endif
#if LBPF_HEADERS(1, 5)
#pragma weak bpf_program__attach_sockmap
#endif
#if LBPF_HEADERS(1, 6)
#pragma weak bpf_program__attach_cgroup_opts
#endif

/* By descriptors --------------------------------------------------------------------------- */

/* Attaches the program at 1 to the target at 2. */
static int attach_target(lua_State *L, struct bpf_link *(*attach)(const struct bpf_program *, int),
			 const char *how)
{
	struct bpf_link *link = NULL;
	struct fd_target target;
	struct attempt a;

	attempt_check(L, &a);
	fd_check_target(L, 2, &target);
	attempt_begin(L, &a);
	if (fd_target_open(&target))
		link = attach(a.prog, target.number);
	fd_target_close(&target);
	return attempt_finish(L, &a, link, how, target.path);
}

static const struct field cgroup_fields[] = {
	RELATIVE_FIELDS(1, 6, struct bpf_cgroup_opts),
	FIELDS_END,
};

/*** Attaches to a cgroup and all cgroups below it.
@function program:attach_cgroup
@tparam integer|string cgroup_fd a descriptor, or the path of the cgroup's directory
@tparam ?table opts with libbpf 1.6 and kernel 6.17: `flags` ("before", "after", "replace",
 "preorder", ...), `relative_fd` or `relative_id`, `expected_revision` (64 bits), as for
 `program:attach_tcx`
@treturn link
@failslog
@see bpf_program__attach_cgroup
@see bpf_program__attach_cgroup_opts
*/
static int attach_cgroup(lua_State *L)
{
	lua_settop(L, 3);
#if LBPF_HEADERS(1, 6)
	struct bpf_cgroup_opts opts = {.sz = sizeof(opts)};
	struct bpf_link *link = NULL;
	struct fd_target target;
	struct attempt a;

	field_read(L, 3, cgroup_fields, &opts);
	relative_add_flags(L, 3, &opts.flags);
	if (!lua_isnil(L, 3) && compat_libbpf(1, 6)) {
		attempt_check(L, &a);
		fd_check_target(L, 2, &target);
		attempt_begin(L, &a);
		if (fd_target_open(&target))
			link = bpf_program__attach_cgroup_opts(a.prog, target.number, &opts);
		fd_target_close(&target);
		return attempt_finish(L, &a, link, "attach_cgroup", target.path);
	}
#else
	field_read(L, 3, cgroup_fields, NULL);
#endif
	return attach_target(L, bpf_program__attach_cgroup, "attach_cgroup");
}

/*** Attaches a flow dissector or an sk_lookup program to a network namespace.
@function program:attach_netns
@tparam integer|string netns_fd a descriptor, or a path: "/proc/self/ns/net"
@treturn link
@failslog
@see bpf_program__attach_netns
*/
static int attach_netns(lua_State *L)
{
	return attach_target(L, bpf_program__attach_netns, "attach_netns");
}

/*** Attaches a parser or verdict program to a socket map, for what its sockets receive or send.
@function program:attach_sockmap
@tparam map|integer map_fd a map of type "sockmap" or "sockhash"
@treturn link
@failslog EOPNOTSUPP before libbpf 1.5; `lbpf.prog_attach` attaches without a link
@needs libbpf 1.5, sockmap links
@usage local object = assert(lbpf.open("sockmap.bpf.o"))
assert(object:load())
assert(object.progs.redirects:attach_sockmap(object.maps.sockets))
@see bpf_program__attach_sockmap
*/
static int attach_sockmap(lua_State *L)
{
#if LBPF_HEADERS(1, 5)
	if (compat_libbpf(1, 5))
		return attach_target(L, bpf_program__attach_sockmap, "attach_sockmap");
#endif
	return value_needs_libbpf(L, "attach_sockmap", 1, 5);
}

/* To interfaces ---------------------------------------------------------------------------- */

/*** Attaches an XDP program to a network interface.
@function program:attach_xdp
@tparam integer|string ifindex index or name of the interface
@treturn link
@failslog
@usage assert(object.progs.drop:attach_xdp("lo"))
@see bpf_program__attach_xdp
*/
static int attach_xdp(lua_State *L)
{
	struct bpf_link *link;
	struct attempt a;
	int ifindex;

	attempt_check(L, &a);
	ifindex = net_check_interface(L, 2, 2, "attach_xdp");
	if (!ifindex)
		return 3;
	attempt_begin(L, &a);
	link = bpf_program__attach_xdp(a.prog, ifindex);
	return attempt_finish(L, &a, link, "attach_xdp", NULL);
}

#if LBPF_HEADERS(1, 3)
/* Attaches the program at 1 to the interface at 2, with the options at 3. netkit's options have the
 * same layout as those of tcx.
 */
static int attach_in_order(lua_State *L, const char *how,
			   struct bpf_link *(*attach)(const struct bpf_program *, int,
						      const struct bpf_tcx_opts *))
{
	static const struct field fields[] = {
		RELATIVE_FIELDS(1, 3, struct bpf_tcx_opts),
		FIELDS_END,
	};
	struct bpf_tcx_opts opts = {.sz = sizeof(opts)};
	struct bpf_link *link;
	struct attempt a;
	int ifindex;

	attempt_check(L, &a);
	field_read(L, 3, fields, &opts);
	relative_add_flags(L, 3, &opts.flags);
	ifindex = net_check_interface(L, 2, 2, how);
	if (!ifindex)
		return 3;
	attempt_begin(L, &a);
	link = attach(a.prog, ifindex, &opts);
	return attempt_finish(L, &a, link, how, NULL);
}

static struct bpf_link *call_attach_netkit(const struct bpf_program *prog, int ifindex,
					   const struct bpf_tcx_opts *from)
{
	struct bpf_netkit_opts opts = {.sz = sizeof(opts)};

	opts.flags = from->flags;
	opts.relative_fd = from->relative_fd;
	opts.relative_id = from->relative_id;
	opts.expected_revision = from->expected_revision;
	return bpf_program__attach_netkit(prog, ifindex, &opts);
}
#endif

/*** Attaches a TC program to an interface, without a qdisc: kernel 6.6.
@function program:attach_tcx
@tparam integer|string ifindex index or name of the interface
@tparam ?table opts the fields of bpf_tcx_opts: `flags`: bits, a name or a list of names ("before",
 "after", "replace"); `relative_fd`: the program or link, or its descriptor, before or after which
this program runs, or `relative_id`: the id of a program, or of a link if "link" is among the flags;
 `expected_revision` (64 bits)
@treturn link
@failslog EOPNOTSUPP before libbpf 1.3
@needs libbpf 1.3, tcx
@usage local net = assert(lbpf.open("net.bpf.o"))
assert(net.progs.tc_passes:set_expected_attach_type("tcx_ingress"))
assert(net:load())
assert(net.progs.tc_passes:attach_tcx("lo"))
@see bpf_program__attach_tcx
*/
static int attach_tcx(lua_State *L)
{
#if LBPF_HEADERS(1, 3)
	if (compat_libbpf(1, 3))
		return attach_in_order(L, "attach_tcx", bpf_program__attach_tcx);
#endif
	return value_needs_libbpf(L, "attach_tcx", 1, 3);
}

/*** Attaches to a netkit device or, through it, to its peer: kernel 6.7.
@function program:attach_netkit
@tparam integer|string ifindex index or name of the primary device
@tparam ?table opts the fields of bpf_netkit_opts, as for `program:attach_tcx`
@treturn link
@failslog EOPNOTSUPP before libbpf 1.3
@needs libbpf 1.3, netkit
@usage local net = assert(lbpf.open("net.bpf.o"))
assert(net.progs.tc_passes:set_expected_attach_type("netkit_primary"))
assert(net:load())
print(net.progs.tc_passes:attach_netkit("lo")) -- nil and why: lo is no netkit device
@see bpf_program__attach_netkit
*/
static int attach_netkit(lua_State *L)
{
#if LBPF_HEADERS(1, 3)
	if (compat_libbpf(1, 3))
		return attach_in_order(L, "attach_netkit", call_attach_netkit);
#endif
	return value_needs_libbpf(L, "attach_netkit", 1, 3);
}

#if LBPF_HEADERS(1, 3)
static const struct field netfilter_fields[] = {
	FIELD_FROM(1, 3, struct bpf_netfilter_opts, pf, FIELD_U32),
	FIELD_FROM(1, 3, struct bpf_netfilter_opts, hooknum, FIELD_U32),
	FIELD_FROM(1, 3, struct bpf_netfilter_opts, priority, FIELD_INT),
	FIELD_FROM(1, 3, struct bpf_netfilter_opts, flags, FIELD_NETFILTER_FLAGS),
	FIELDS_END,
};
#endif

/*** Attaches to a netfilter hook of this network namespace: kernel 6.4.
@function program:attach_netfilter
@tparam table opts the fields of bpf_netfilter_opts: `pf` (2: IPv4, 10: IPv6), `hooknum` (0:
prerouting, 1: input, 2: forward, 3: output, 4: postrouting), `priority` (unique for the hook,
between -2^31 and 2^31 - 1, both excluded), `flags` ("ip_defrag": defragment first)
@treturn link
@failslog EOPNOTSUPP before libbpf 1.3
@needs libbpf 1.3, netfilter
@usage local object = assert(lbpf.open("netfilter.bpf.o"))
assert(object:load())
local IPV4, INPUT = 2, 1
assert(object.progs.nf_drops:attach_netfilter {pf = IPV4, hooknum = INPUT, priority = -128})
@see bpf_program__attach_netfilter
*/
static int attach_netfilter(lua_State *L)
{
#if LBPF_HEADERS(1, 3)
	struct bpf_netfilter_opts opts = {.sz = sizeof(opts)};
	struct bpf_link *link;
	struct attempt a;

	if (!compat_libbpf(1, 3))
		return value_needs_libbpf(L, "attach_netfilter", 1, 3);
	attempt_check(L, &a);
	luaL_checktype(L, 2, LUA_TTABLE);
	field_read(L, 2, netfilter_fields, &opts);
	attempt_begin(L, &a);
	link = bpf_program__attach_netfilter(a.prog, &opts);
	return attempt_finish(L, &a, link, "attach_netfilter", NULL);
#else
	return value_needs_libbpf(L, "attach_netfilter", 1, 3);
#endif
}

void attach_net_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"attach_cgroup", attach_cgroup},
		{"attach_netns", attach_netns},
		{"attach_sockmap", attach_sockmap},
		{"attach_xdp", attach_xdp},
		{"attach_tcx", attach_tcx},
		{"attach_netkit", attach_netkit},
		{"attach_netfilter", attach_netfilter},
		{NULL, NULL},
	};

	program_add_methods(L, methods);
}
