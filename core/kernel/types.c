#include "kernel/types.h"

#include "base/enum.h"
#include "base/value.h"
#include "object/handler.h"
#include "object/registry.h"

/*** @module lbpf */
/*** Types
@section types
@usage print(lbpf.prog_type_by_name("fentry/vfs_read"))           -- tracing trace_fentry
print(lbpf.attach_type_by_name("cgroup_skb/egress"))       -- cgroup_inet_egress
print(lbpf.bpf_prog_type_str(2), lbpf.bpf_map_type_str(1)) -- kprobe hash
print(lbpf.bpf_attach_type_str(0))                         -- cgroup_inet_ingress
print(lbpf.bpf_link_type_str(3))                           -- cgroup
*/

/*** The types that libbpf, or a handler of this script, gives to a program with this SEC().
@function prog_type_by_name
@tparam string name "kprobe.multi/do_*"
@treturn ?string the program type, "kprobe"; nil if no handler matches
@treturn ?string the expected attach type, "trace_kprobe_multi"
@see libbpf_prog_type_by_name
*/
static int prog_type_by_name(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	enum bpf_prog_type type = BPF_PROG_TYPE_UNSPEC, generic_type = BPF_PROG_TYPE_UNSPEC;
	enum bpf_attach_type attach_type = 0, generic_attach_type = 0;
	enum handler_match match = handler_types(L, name, &generic_type, &generic_attach_type);

	if (match == HANDLER_NAMED || !registry_prog_type(name, &type, &attach_type)) {
		if (match == HANDLER_NONE)
			return value_none(L);
		type = generic_type;
		attach_type = generic_attach_type;
	}
	enum_push(L, (int)type, &enum_prog_type);
	enum_push(L, (int)attach_type, &enum_attach_type);
	return 2;
}

/*** The attach type with which bpf_prog_attach() attaches a program with this SEC().
@function attach_type_by_name
@tparam string name "cgroup/connect4"
@treturn ?string "cgroup_inet4_connect"; nil if such programs are not attached by bpf_prog_attach(),
or if a handler of this script matches
@see libbpf_attach_type_by_name
*/
static int attach_type_by_name(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	enum bpf_prog_type type;
	enum bpf_attach_type attach_type = 0;

	if (handler_types(L, name, &type, &attach_type) == HANDLER_NAMED ||
	    !registry_attach_type(name, &attach_type))
		return value_none(L);
	enum_push(L, (int)attach_type, &enum_attach_type);
	return 1;
}

static int push_string(lua_State *L, const char *string)
{
	if (string)
		lua_pushstring(L, string);
	else
		lua_pushnil(L);
	return 1;
}

static int check_number(lua_State *L)
{
	return (int)value_check_int(L, 1, 0, INT32_MAX);
}

/*** libbpf's name for a program type's number.
@function bpf_prog_type_str
@tparam integer type 0 to 2^31 - 1
@treturn ?string "kprobe"; nil if this libbpf has no name for it
@see libbpf_bpf_prog_type_str
*/
static int bpf_prog_type_str(lua_State *L)
{
	return push_string(L, libbpf_bpf_prog_type_str((enum bpf_prog_type)check_number(L)));
}

/*** libbpf's name for an attach type's number.
@function bpf_attach_type_str
@tparam integer type 0 to 2^31 - 1
@treturn ?string "trace_kprobe_multi"; nil if this libbpf has no name for it
@see libbpf_bpf_attach_type_str
*/
static int bpf_attach_type_str(lua_State *L)
{
	return push_string(L, libbpf_bpf_attach_type_str((enum bpf_attach_type)check_number(L)));
}

/*** libbpf's name for a map type's number.
@function bpf_map_type_str
@tparam integer type 0 to 2^31 - 1
@treturn ?string "ringbuf"; nil if this libbpf has no name for it
@see libbpf_bpf_map_type_str
*/
static int bpf_map_type_str(lua_State *L)
{
	return push_string(L, libbpf_bpf_map_type_str((enum bpf_map_type)check_number(L)));
}

/*** libbpf's name for a link type's number.
@function bpf_link_type_str
@tparam integer type 0 to 2^31 - 1
@treturn ?string "perf_event"; nil if this libbpf has no name for it
@see libbpf_bpf_link_type_str
*/
static int bpf_link_type_str(lua_State *L)
{
	return push_string(L, libbpf_bpf_link_type_str((enum bpf_link_type)check_number(L)));
}

void types_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"prog_type_by_name", prog_type_by_name},
		{"attach_type_by_name", attach_type_by_name},
		{"bpf_prog_type_str", bpf_prog_type_str},
		{"bpf_attach_type_str", bpf_attach_type_str},
		{"bpf_map_type_str", bpf_map_type_str},
		{"bpf_link_type_str", bpf_link_type_str},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}
