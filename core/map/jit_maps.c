#include "map/jit_maps.h"

#include "base/value.h"
#include "map/view.h"
#include "map/walk.h"
#include <bpf/bpf.h>
#include <errno.h>

/*** @module lbpf */
/*** Compiled code for maps
@section compiled_maps
*/

/* What compiled code works with; lua/lbpf/jit/layout.lua declares it as well. It belongs to a
 * handle, and is used only in that handle's methods.
 */
struct jit_element {
	const struct mapcodec *map; /* in the handle */
	struct codec_check *checks; /* of its values; NULL: none */
	int32_t busy, value_at;
	char bytes[]; /* the key, and at VALUE_AT the value */
};

_Static_assert(offsetof(struct jit_element, map) == 0 &&
		       offsetof(struct jit_element, checks) == sizeof(void *) &&
		       offsetof(struct jit_element, busy) == 2 * sizeof(void *) &&
		       offsetof(struct jit_element, value_at) == 2 * sizeof(void *) + 4 &&
		       offsetof(struct jit_element, bytes) == 2 * sizeof(void *) + 8,
	       "struct jit_element is known to compiled code");
_Static_assert(offsetof(struct mapwalk, keys) == 0 &&
		       offsetof(struct mapwalk, values) == sizeof(void *) &&
		       offsetof(struct mapwalk, key_checks) == 2 * sizeof(void *) &&
		       offsetof(struct mapwalk, value_checks) == 3 * sizeof(void *) &&
		       offsetof(struct mapwalk, n) == 4 * sizeof(void *) &&
		       offsetof(struct mapwalk, at) == 4 * sizeof(void *) + 4 &&
		       offsetof(struct mapwalk, stepping) == 4 * sizeof(void *) + 8,
	       "the beginning of struct mapwalk is known to compiled code");

/* The map's descriptor; -1 if the map is closed. */
static int fd_of(const struct jit_element *e)
{
	const struct owner *owner = e->map->owner;

	return e->map->map.fd < 0 || (owner && owner->closed) ? -1 : e->map->map.fd;
}

/* Called by compiled code. Return 0 or an error number; EBADF also if the map is closed. */
static inline int look_up(struct jit_element *e)
{
	int fd = fd_of(e), ret = -EBADF;

	if (fd >= 0)
		ret = bpf_map_lookup_elem_flags(fd, e->bytes, e->bytes + e->value_at, 0);
	return ret ? value_errno(ret) : 0;
}

/* EAGAIN if the method in C must look the value up, because its members do not say all. */
static int look_up_checked(struct jit_element *e)
{
	int err = look_up(e);

	return err || codec_says_all(e->checks, e->bytes + e->value_at) ? err : EAGAIN;
}

static int update(struct jit_element *e)
{
	int fd = fd_of(e), ret = -EBADF;

	if (fd >= 0)
		ret = bpf_map_update_elem(fd, e->bytes, e->bytes + e->value_at, 0);
	return ret ? value_errno(ret) : 0;
}

/* What is rare would make the common way longer. */
__attribute__((noinline)) static int32_t next_checked(struct mapwalk *w)
{
	if ((w->key_checks && !codec_says_all(w->key_checks, mapwalk_key(w, w->at))) ||
	    (w->value_checks && !codec_says_all(w->value_checks, mapwalk_value(w, w->at))))
		return -1;
	w->stepping = true;
	return (int32_t)w->at++;
}

/* The index of the next element, which the caller steps over. -1 if the walk's slow function must
 * be called.
 */
static int32_t next_element(struct mapwalk *w)
{
	if (w->stepping || w->at == w->n || (w->m.owner && w->m.owner->closed))
		return -1;
	if (w->key_checks || w->value_checks)
		return next_checked(w);
	w->stepping = true;
	return (int32_t)w->at++;
}

static void replace(lua_State *L, const char *class, const char *method, int fn)
{
	luaL_getmetatable(L, class);
	lua_getfield(L, -1, "__index");
	lua_pushvalue(L, fn);
	lua_setfield(L, -2, method);
	lua_pop(L, 2);
}

/*** Replaces two methods of maps and views, and sets the function that creates iterators. Only
`lbpf.jit` calls this.
@function set_map_methods
@local
@tparam function lookup
@tparam function update
@tparam function walk
@treturn lightuserdata the address of the function that looks up
@treturn lightuserdata the address of the one that checks the value as well
@treturn lightuserdata the address of the function that updates
@treturn lightuserdata the address of the function that finds a walk's next element
*/
static int set_map_methods(lua_State *L)
{
	static const char *const classes[] = {"lbpf.map", "lbpf.map_view"};

	luaL_checktype(L, 1, LUA_TFUNCTION);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	luaL_checktype(L, 3, LUA_TFUNCTION);
	lua_settop(L, 3);
	mapwalk_set_compiler(L);
	for (int i = 0; i < 2; i++) {
		replace(L, classes[i], "lookup", 1);
		replace(L, classes[i], "update", 2);
	}
	lua_pushlightuserdata(L, (void *)(uintptr_t)look_up);
	lua_pushlightuserdata(L, (void *)(uintptr_t)look_up_checked);
	lua_pushlightuserdata(L, (void *)(uintptr_t)update);
	lua_pushlightuserdata(L, (void *)(uintptr_t)next_element);
	return 4;
}

/*** Returns what code for a map is generated from.
@function compiled_map
@local
@param map
@treturn[1] nil if it is not a map, or has not been used yet
@treturn[2] boolean false if its keys or values have no types, or need C
@treturn[3] lightuserdata
@treturn[3] table the type of its keys
@treturn[3] table the type of its values
*/
static int compiled_map(lua_State *L)
{
	const struct mapcodec *m = mapview_known(L, 1);

	if (!m) {
		lua_pushnil(L);
		return 1;
	}
	if (!m->key || !m->value || m->takes_fds || mapfd_is_of_all_cpus(&m->map, 0)) {
		lua_pushboolean(L, 0);
		return 1;
	}
	lua_pushlightuserdata(L, (void *)m);
	codec_describe(L, m->key);
	codec_describe(L, m->value);
	return 3;
}

void jit_maps_open(lua_State *L)
{
	lua_pushcfunction(L, set_map_methods);
	lua_setfield(L, -2, "set_map_methods");
	lua_pushcfunction(L, compiled_map);
	lua_setfield(L, -2, "compiled_map");
}
