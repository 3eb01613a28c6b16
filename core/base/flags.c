#include "base/flags.h"

#include "base/value.h"
#include <linux/if_link.h>
#include <string.h>

/* Numbers are newer than the headers of some builds. */

const struct flag flags_attach[] = {
	{"allow_override", BPF_F_ALLOW_OVERRIDE},
	{"allow_multi", BPF_F_ALLOW_MULTI},
	{"replace", BPF_F_REPLACE},
	{"before", 1 << 3},
	{"after", 1 << 4},
	{"id", 1 << 5},
	{"preorder", 1 << 6},
	{"link", 1 << 13},
	{"skb_mode", XDP_FLAGS_SKB_MODE},
	{"drv_mode", XDP_FLAGS_DRV_MODE},
	{"hw_mode", XDP_FLAGS_HW_MODE},
	{NULL, 0},
};

const struct flag flags_elem[] = {
	{"any", BPF_ANY},
	{"noexist", BPF_NOEXIST},
	{"exist", BPF_EXIST},
	{"lock", BPF_F_LOCK},
	{"cpu", 1 << 3},
	{"all_cpus", 1 << 4},
	{NULL, 0},
};

const struct flag flags_file[] = {
	{"rdonly", BPF_F_RDONLY},
	{"wronly", BPF_F_WRONLY},
	{"path_fd", 1 << 14},
	{NULL, 0},
};

const struct flag flags_map[] = {
	{"no_prealloc", BPF_F_NO_PREALLOC}, {"no_common_lru", BPF_F_NO_COMMON_LRU},
	{"numa_node", BPF_F_NUMA_NODE},     {"rdonly", BPF_F_RDONLY},
	{"wronly", BPF_F_WRONLY},           {"stack_build_id", BPF_F_STACK_BUILD_ID},
	{"zero_seed", BPF_F_ZERO_SEED},     {"rdonly_prog", BPF_F_RDONLY_PROG},
	{"wronly_prog", BPF_F_WRONLY_PROG}, {"clone", BPF_F_CLONE},
	{"mmapable", BPF_F_MMAPABLE},       {"preserve_elems", BPF_F_PRESERVE_ELEMS},
	{"inner_map", BPF_F_INNER_MAP},     {"link", 1 << 13},
	{"vtype_btf_obj_fd", 1 << 15},      {"token_fd", 1 << 16},
	{"segv_on_fault", 1 << 17},         {"no_user_conv", 1 << 18},
	{"rb_overwrite", 1 << 19},          {NULL, 0},
};

const struct flag flags_prog[] = {
	{"strict_alignment", BPF_F_STRICT_ALIGNMENT},
	{"any_alignment", BPF_F_ANY_ALIGNMENT},
	{"test_rnd_hi32", BPF_F_TEST_RND_HI32},
	{"test_state_freq", BPF_F_TEST_STATE_FREQ},
	{"sleepable", BPF_F_SLEEPABLE},
	{"xdp_has_frags", BPF_F_XDP_HAS_FRAGS},
	{"xdp_dev_bound_only", 1 << 6},
	{"test_reg_invariants", 1 << 7},
	{"token_fd", 1 << 16},
	{NULL, 0},
};

const struct flag flags_query[] = {{"effective", BPF_F_QUERY_EFFECTIVE}, {NULL, 0}};

const struct flag flags_run[] = {
	{"run_on_cpu", BPF_F_TEST_RUN_ON_CPU},
	{"xdp_live_frames", BPF_F_TEST_XDP_LIVE_FRAMES},
	{"skb_checksum_complete", 1 << 2},
	{NULL, 0},
};

const struct flag flags_tc[] = {{"replace", BPF_TC_F_REPLACE}, {NULL, 0}};

const struct flag flags_xdp[] = {
	{"update_if_noexist", XDP_FLAGS_UPDATE_IF_NOEXIST},
	{"skb_mode", XDP_FLAGS_SKB_MODE},
	{"drv_mode", XDP_FLAGS_DRV_MODE},
	{"hw_mode", XDP_FLAGS_HW_MODE},
	{"replace", XDP_FLAGS_REPLACE},
	{NULL, 0},
};

const struct flag flags_netfilter[] = {{"ip_defrag", 1 << 0}, {NULL, 0}};

const struct flag flags_multi[] = {{"return", 1 << 0}, {NULL, 0}};

/* Reading ------------------------------------------------------------------------------------ */

static bool read_name(lua_State *L, int idx, const struct flag *list, uint64_t *flags)
{
	for (; list->name; list++)
		if (strcmp(list->name, lua_tostring(L, idx)) == 0) {
			*flags |= list->bit;
			return true;
		}
	return false;
}

static bool read_names(lua_State *L, int idx, const struct flag *list, uint64_t *flags)
{
	bool ok = true;

	for (size_t i = 1, n = lua_rawlen(L, idx); ok && i <= n; i++) {
		lua_rawgeti(L, idx, (int)i);
		ok = lua_type(L, -1) == LUA_TSTRING && read_name(L, -1, list, flags);
		if (ok)
			lua_pop(L, 1); /* else it is what the message shows */
	}
	return ok;
}

static void push_refusal(lua_State *L, int idx, const struct flag *list)
{
	const char *shown = value_show(L, idx);
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	luaL_addstring(&b, "expected bits, a name or a list of names (");
	for (const struct flag *f = list; f->name; f++) {
		luaL_addstring(&b, f == list ? "" : ", ");
		luaL_addstring(&b, f->name);
	}
	luaL_addstring(&b, "), got ");
	luaL_addstring(&b, shown);
	luaL_pushresult(&b);
}

bool flags_read(lua_State *L, int idx, const struct flag *list, uint64_t *flags)
{
	int top = lua_gettop(L);

	idx = lua_absindex(L, idx);
	*flags = 0;
	if (lua_istable(L, idx) && read_names(L, idx, list, flags))
		return true;
	if (lua_type(L, idx) == LUA_TSTRING && read_name(L, idx, list, flags))
		return true;
	if (!lua_istable(L, idx) && value_to_u64(L, idx, flags))
		return true;
	push_refusal(L, lua_gettop(L) > top ? -1 : idx, list);
	return false;
}

uint32_t flags_check(lua_State *L, int arg, const struct flag *list)
{
	uint64_t flags;

	if (lua_isnoneornil(L, arg))
		return 0;
	if (!flags_read(L, arg, list, &flags))
		luaL_argerror(L, arg, lua_tostring(L, -1));
	luaL_argcheck(L, flags <= UINT32_MAX, arg, "flags must have at most 32 bits");
	return (uint32_t)flags;
}
