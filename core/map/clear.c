/* Deletes all that a map has. */
#include "map/clear.h"

#include "base/value.h"
#include "map/view.h"
#include "map/walk.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

/*** @module lbpf */
/*** Walks over maps
@section walks
*/

/* The elements of an array cannot be deleted: sets them to zero. */
static int clear_array(lua_State *L, const struct mapfd *m, lua_Integer *n)
{
	size_t size = mapfd_value_size(L, m, 0);
	void *zero = compat_newuserdata(L, size + 1);

	memset(zero, 0, size);
	for (uint32_t key = 0; key < m->max_entries; key++, ++*n) {
		int ret = bpf_map_update_elem(m->fd, &key, zero, 0);

		if (ret)
			return -value_errno(ret);
	}
	return 0;
}

static int clear_queue(lua_State *L, const struct mapfd *m, lua_Integer *n)
{
	void *value = compat_newuserdata(L, m->value_size + 1);

	for (;; ++*n) {
		int ret = bpf_map_lookup_and_delete_elem(m->fd, NULL, value);

		if (ret)
			return value_errno(ret) == ENOENT ? 0 : -value_errno(ret);
	}
}

/* Deletes the first key until there is none. If others add keys it takes longer, but ends. */
static int clear_keys(lua_State *L, const struct mapfd *m, lua_Integer *n)
{
	void *key = compat_newuserdata(L, m->key_size + 1);
	uint64_t limit = 2 * (uint64_t)m->max_entries + 1024;

	for (uint64_t i = 0; i < limit; i++) {
		int ret = bpf_map_get_next_key(m->fd, NULL, key);

		if (ret)
			return value_errno(ret) == ENOENT ? 0 : -value_errno(ret);
		ret = bpf_map_delete_elem(m->fd, key);
		if (ret && value_errno(ret) != ENOENT)
			return -value_errno(ret);
		*n += !ret;
	}
	return -EAGAIN;
}

/* Deletes all possible keys; keys without a value are skipped. For some types the kernel reports
 * success for a key that does not exist; most of these can be looked up.
 */
static int clear_slots(lua_State *L, const struct mapfd *m, lua_Integer *n)
{
	void *value = compat_newuserdata(L, m->value_size + 1);

	for (uint32_t key = 0; key < m->max_entries; key++) {
		int ret = bpf_map_lookup_elem(m->fd, &key, value);

		if (ret && value_errno(ret) == ENOENT)
			continue;
		ret = bpf_map_delete_elem(m->fd, &key);
		if (ret && value_errno(ret) != ENOENT && value_errno(ret) != EINVAL)
			return -value_errno(ret);
		*n += !ret;
	}
	return 0;
}

static int clear_hash(lua_State *L, const struct mapcodec *m, lua_Integer *n)
{
	struct mapwalk *w = mapwalk_push(L, m, bpf_map_lookup_and_delete_batch, 0, 0);
	int err = mapwalk_fill(w, 0);
	bool has_batches = !err || !mapwalk_has_no_batches(-err);

	while (!err) {
		*n += w->n;
		if (w->ended)
			break;
		err = mapwalk_fill(w, 0);
	}
	mapwalk_end(w);
	return has_batches ? err : clear_keys(L, &m->map, n);
}

/*** Deletes all keys; sets all elements of an array to zero; empties a queue or stack. What others
add meanwhile may stay.
@function map:clear
@treturn integer how many; for an xskmap, which cannot be read, its maximum number of entries
@fails
@usage assert(object.maps.flows:clear())
@see bpf_map_lookup_and_delete_batch
@see bpf_map_delete_elem
*/
static int map_clear(lua_State *L)
{
	struct mapcodec plain;
	const struct mapcodec *m = mapview_check(L, 1, &plain);
	lua_Integer n = 0;
	int err;

	switch (m->map.type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		err = clear_array(L, &m->map, &n);
		break;
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
		err = clear_queue(L, &m->map, &n);
		break;
	default:
		if (mapfd_is_array(m->map.type))
			err = clear_slots(L, &m->map, &n);
		else if (mapwalk_has_buckets(m->map.type))
			err = clear_hash(L, m, &n);
		else
			err = clear_keys(L, &m->map, &n);
	}
	if (err)
		return mapfd_fail(L, &m->map, -err, "clear");
	lua_pushinteger(L, n);
	return 1;
}

void mapclear_open(lua_State *L)
{
	static const luaL_Reg methods[] = {{"clear", map_clear}, {NULL, NULL}};

	mapview_add_methods(L, methods);
}
