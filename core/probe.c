#include "probe.h"

#include "value.h"
#include <string.h>

/*** @module lbpf */
/*** The library and the machine
@section library
*/

/* What a newer libbpf brought. BUILT: the headers of this build had it. */
static const struct feature {
	const char *name;
	unsigned major, minor;
	bool built;
} features[] = {
	{"kprobe.attach_mode", 1, 2, LBPF_HEADERS(1, 2)},
	{"kprobe_multi.session", 1, 5, LBPF_HEADERS(1, 5)},
	{"kprobe_multi.unique_match", 1, 1, true}, /* counted here where libbpf cannot */
	{"open.bpf_token_path", 1, 4, LBPF_HEADERS(1, 4)},
	{"raw_tracepoint.cookie", 1, 4, LBPF_HEADERS(1, 4)},
	{"ring.consume", 1, 3, LBPF_HEADERS(1, 3)},
};

/*** Does this build, with the libbpf it runs with, have a feature that came after libbpf 1.1?
@function has
@tparam string feature "kprobe_multi.session", "kprobe_multi.unique_match", "kprobe.attach_mode",
 "open.bpf_token_path", "raw_tracepoint.cookie", "ring.consume"
@treturn boolean
@raise for a name that is none of these
@see version_string
*/
static int has(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		const struct feature *f = &features[i];

		if (strcmp(f->name, name) == 0) {
			lua_pushboolean(L, f->built && compat_libbpf(f->major, f->minor));
			return 1;
		}
	}
	return luaL_argerror(L, 1, "no such feature");
}

/*** The libbpf that this process runs with.
@function version_string
@treturn string "v1.1"
@see libbpf_version_string
*/
static int version_string(lua_State *L)
{
	lua_pushstring(L, libbpf_version_string());
	return 1;
}

/*** Its major version.
@function major_version
@treturn integer
@see libbpf_major_version
*/
static int major_version(lua_State *L)
{
	lua_pushinteger(L, libbpf_major_version());
	return 1;
}

/*** Its minor version.
@function minor_version
@treturn integer
@see libbpf_minor_version
*/
static int minor_version(lua_State *L)
{
	lua_pushinteger(L, libbpf_minor_version());
	return 1;
}

/*** How many CPUs the machine can have; a per-CPU value has as many parts.
@function num_possible_cpus
@treturn integer
@treturn[2] nil
@treturn[2] string message, and the error number
@see libbpf_num_possible_cpus
*/
static int num_possible_cpus(lua_State *L)
{
	int n = libbpf_num_possible_cpus();

	if (n < 0)
		return value_fail(L, value_errno(n), "num_possible_cpus");
	lua_pushinteger(L, n);
	return 1;
}

/*** What an error number means, libbpf's own numbers from 4000 up included.
@function strerror
@tparam integer errno 1 to 2^31 - 1
@treturn string "No such file or directory"
@see libbpf_strerror
*/
static int lbpf_strerror(lua_State *L)
{
	int err = (int)value_check_int(L, 1, 1, INT32_MAX);
	char text[256];

	libbpf_strerror(err, text, sizeof(text));
	lua_pushstring(L, text);
	return 1;
}

void probe_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"has", has},
		{"version_string", version_string},
		{"major_version", major_version},
		{"minor_version", minor_version},
		{"num_possible_cpus", num_possible_cpus},
		{"strerror", lbpf_strerror},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}
