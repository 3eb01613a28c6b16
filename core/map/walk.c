#include "map/walk.h"

#include "base/class.h"
#include "base/field.h"
#include "base/iterator.h"
#include "base/value.h"
#include "btf/maker.h"
#include "map/view.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** Walks over maps
@section walks
@usage for flow, counts in object.maps.flows:pairs() do
  print(flow.address, counts.packets)
end
*/

static const char WALK[] = "lbpf.map_walk";

#ifndef ENOTSUPP
#define ENOTSUPP 524 /* a kernel error number that the C library does not define */
#endif

/* How much is read at a time. */
#define CHUNK_BYTES ((size_t)256 << 10)

bool mapwalk_is_worth_another_try(int err)
{
	return err == EAGAIN || err == EBUSY || err == EINTR;
}

bool mapwalk_has_no_batches(int err)
{
	return err == ENOTSUPP || err == EOPNOTSUPP || err == EINVAL;
}

uint32_t mapwalk_done(int err, uint32_t asked, uint32_t count)
{
	if (!err)
		return count;
	if (err == EFAULT || count > asked || (count == asked && err != ENOENT))
		return 0;
	return count;
}

/* Reading -------------------------------------------------------------------------------- */

bool mapwalk_has_buckets(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return true;
	default:
		return false;
	}
}

static int grow_walk(struct mapwalk *w)
{
	char *keys = realloc(w->keys, (size_t)w->capacity * w->m.map.key_size + 1);
	char *values;

	if (!keys)
		return -ENOMEM;
	w->keys = keys;
	values = realloc(w->values, (size_t)w->capacity * w->value_size + 1);
	if (!values)
		return -ENOMEM;
	w->values = values;
	return 0;
}

struct mapwalk *mapwalk_push(lua_State *L, const struct mapcodec *m, mapwalk_read *read,
			     uint64_t elem_flags, uint32_t capacity)
{
	struct mapwalk *w = class_push(L, WALK, sizeof(*w), 0);
	uint32_t max = m->map.max_entries;
	size_t chunk;

	w->m = *m;
	if (m->key)
		codec_ref(m->key);
	if (m->value)
		codec_ref(m->value);
	if (m->owner)
		owner_ref(m->owner);
	w->m.map.fd = fcntl(m->map.fd, F_DUPFD_CLOEXEC, 3);
	if (w->m.map.fd < 0)
		luaL_error(L, "%s: %s", m->map.name, strerror(errno));
	w->read = read;
	w->opts = (struct bpf_map_batch_opts){.sz = sizeof(w->opts), .elem_flags = elem_flags};
	w->value_size = mapfd_value_size(L, &m->map, elem_flags);
	w->repeats = !mapfd_is_array(m->map.type) && !(read && mapwalk_has_buckets(m->map.type));
	/* hashes store a bucket number there, however short their keys are */
	w->token_size = m->map.key_size < 4 ? 4 : m->map.key_size;
	/* preallocated hashes have some more entries than max_entries, for each CPU */
	w->capacity_max = max > INT32_MAX / 2 ? INT32_MAX : 2 * max + 1024;
	chunk = CHUNK_BYTES / (m->map.key_size + w->value_size + 1);
	if (capacity && chunk > capacity)
		chunk = capacity;
	if (chunk > max)
		chunk = max;
	w->capacity = chunk ? (uint32_t)chunk : 1;
	w->token = malloc(2 * w->token_size);
	if (!w->token || grow_walk(w))
		luaL_error(L, "not enough memory");
	w->next = w->token + w->token_size;
	return w;
}

static int read_batch(struct mapwalk *w, uint32_t at_most)
{
	for (;;) {
		uint32_t asked = at_most && at_most < w->capacity ? at_most : w->capacity;
		int ret, err;

		w->n = asked;
		ret = w->read(w->m.map.fd, w->started ? w->token : NULL, w->next, w->keys,
			      w->values, &w->n, &w->opts);
		err = ret ? value_errno(ret) : 0;
		w->n = mapwalk_done(err, asked, w->n);
		w->ended = err == ENOENT;
		if (w->n > 0) {
			memcpy(w->token, w->next, w->token_size);
			w->started = true;
			w->idle = 0;
		}
		if (w->ended)
			return 0;
		if (w->n > 0) {
			if (err && !mapwalk_is_worth_another_try(err) && err != ENOSPC)
				w->err = -err;
			return 0;
		}
		if (err == ENOSPC && asked < w->capacity)
			return -ENOSPC;
		if (err == ENOSPC && w->capacity < w->capacity_max) {
			/* the next bucket has more entries, and is returned as a whole */
			w->capacity = w->capacity > w->capacity_max / 2 ? w->capacity_max
									: 2 * w->capacity;
			ret = grow_walk(w);
			if (ret)
				return ret;
			continue;
		}
		if (err && !mapwalk_is_worth_another_try(err))
			return -err;
		if (++w->idle >= MAPWALK_TRIES)
			return -(err ? err : EAGAIN);
	}
}

/* Moves to the key after the one in the token. Returns 0 or -errno. */
static int next_key(struct mapwalk *w)
{
	int ret = bpf_map_get_next_key(w->m.map.fd, w->started ? w->token : NULL, w->next);
	int err = ret ? value_errno(ret) : 0;

	w->ended = err == ENOENT;
	if (err && !w->ended)
		return -err;
	if (!err)
		memcpy(w->token, w->next, w->m.map.key_size);
	w->started = true;
	return 0;
}

/* The token is the next key to read: it is fetched before a loop's body can delete the current one.
 */
static int read_keys(struct mapwalk *w, uint32_t at_most)
{
	int err = w->started ? 0 : next_key(w);

	w->n = 0;
	while (!err && !w->ended && w->n < w->capacity && !(at_most && w->n == at_most)) {
		int ret = bpf_map_lookup_elem_flags(w->m.map.fd, w->token,
						    w->values + w->n * w->value_size,
						    w->opts.elem_flags);

		if (ret && value_errno(ret) != ENOENT) /* deleted meanwhile: skip it */
			return -value_errno(ret);
		if (!ret)
			memcpy(w->keys + w->n++ * w->m.map.key_size, w->token, w->m.map.key_size);
		err = next_key(w);
	}
	return err;
}

int mapwalk_fill(struct mapwalk *w, uint32_t at_most)
{
	int err = w->err;

	w->n = w->at = 0;
	w->err = 0;
	if (err || w->ended)
		return err;
	if (w->again > w->capacity_max)
		return -EAGAIN;
	return w->read ? read_batch(w, at_most) : read_keys(w, at_most);
}

bool mapwalk_is_new(lua_State *L, struct mapwalk *w, const char *key)
{
	bool is_new;

	if (!w->repeats)
		return true;
	class_env(L, -1);
	lua_pushlstring(L, key, w->m.map.key_size);
	lua_pushvalue(L, -1);
	lua_rawget(L, -3);
	is_new = lua_isnil(L, -1);
	lua_pop(L, 1);
	lua_pushboolean(L, 1);
	lua_rawset(L, -3);
	lua_pop(L, 1);
	w->again += !is_new;
	return is_new;
}

void mapwalk_end(struct mapwalk *w)
{
	w->n = w->at = 0;
	if (w->m.map.fd >= 0)
		close(w->m.map.fd);
	w->m.map.fd = -1;
	free(w->token);
	free(w->keys);
	free(w->values);
	w->token = w->keys = w->values = NULL;
	if (w->m.owner)
		owner_unref(w->m.owner);
	w->m.owner = NULL;
}

static int walk_gc(lua_State *L)
{
	struct mapwalk *w = class_retire(L, WALK);

	mapwalk_end(w);
	mapcodec_free(&w->m);
	return 0;
}

/* Loops ---------------------------------------------------------------------------------- */

/* Pushes a walk over the map at 1, and fills it for the first time. Goes from key to key if there
 * are no batches. Returns 0 or -errno.
 */
static int start_walk(lua_State *L, struct mapwalk **walk, const struct mapcodec *m,
		      mapwalk_read *read)
{
	int err;

	luaL_argcheck(L, m->map.key_size > 0, 1, "a map of this type has no keys");
	*walk = mapwalk_push(L, m, read, 0, 0);
	err = mapwalk_fill(*walk, 0);
	if (!err || !mapwalk_has_no_batches(-err))
		return err;
	mapwalk_end(*walk);
	lua_pop(L, 1);
	*walk = mapwalk_push(L, m, NULL, 0, 0);
	return mapwalk_fill(*walk, 0);
}

static int raise_walk(lua_State *L, const struct mapwalk *w, int err)
{
	mapfd_fail(L, &w->m.map, err, "pairs");
	return luaL_error(L, "%s", lua_tostring(L, -2));
}

/* What a loop works with, by index. */
struct loop {
	int walk;
	struct mapcodec_names names;
	int key_again, value_again; /* of a table that is filled again, or of nil */
	bool for_maker;             /* a function of maker_wrap() gets the values */
};

static int push_step_value(lua_State *L, const struct mapwalk *w, struct loop at)
{
	const char *value = mapwalk_value(w, w->at - 1);

	if (at.for_maker)
		return mapcodec_push_members(L, &w->m, at.names.value, value, at.value_again);
	return mapcodec_push_value(L, &w->m, at.names.value, value, 0, at.value_again);
}

static int step_walk(lua_State *L, struct loop at)
{
	struct mapwalk *w = class_test(L, at.walk, WALK); /* NULL: finalized */

	/* a finalizer that steps while values are decoded would move their memory */
	luaL_argcheck(L, w && !w->stepping, 1, "the walk is over");
	if (w->m.owner)
		owner_check(L, w->m.owner);
	w->stepping = true;
	for (;;) {
		const char *key;
		int err, values;

		if (w->at == w->n) {
			if (w->ended) {
				mapwalk_end(w);
				w->stepping = false;
				return 0;
			}
			err = mapwalk_fill(w, 0);
			if (err)
				return raise_walk(L, w, -err);
			continue;
		}
		key = mapwalk_key(w, w->at++);
		if (w->repeats) {
			bool is_new;

			lua_pushvalue(L, at.walk);
			is_new = mapwalk_is_new(L, w, key);
			lua_pop(L, 1);
			if (!is_new)
				continue;
		}
		values = mapcodec_push_key(L, &w->m, at.names.key, key, at.key_again);
		values += push_step_value(L, w, at);
		w->stepping = false;
		return values;
	}
}

/* The upvalues of closures. */
static const struct loop upvalues = {
	.walk = lua_upvalueindex(1),
	.names = {lua_upvalueindex(2), lua_upvalueindex(3)},
	.key_again = lua_upvalueindex(4),
	.value_again = lua_upvalueindex(5),
};

static int step_closure(lua_State *L)
{
	return step_walk(L, upvalues);
}

static int step_members(lua_State *L)
{
	struct loop at = upvalues;

	at.for_maker = true;
	return step_walk(L, at);
}

/* Pushes what is for keys and what is for values, of the list at IDX; nil twice if it is none. */
static void push_both(lua_State *L, int idx)
{
	for (int i = 1; i <= 2; i++) {
		if (lua_istable(L, idx))
			lua_rawgeti(L, idx, i);
		else
			lua_pushnil(L);
	}
}

/*** Steps a walk over a map, for code that `lbpf.jit` makes.
@function map_step
@local
@param walk
@param names
@tparam ?table again a list of the tables that are filled again
@return the next key and its values; nothing at the end
*/
static int map_step(lua_State *L)
{
	static const struct loop places = {
		.walk = 1, .names = {4, 5}, .key_again = 6, .value_again = 7};

	lua_settop(L, 3);
	push_both(L, 2);
	push_both(L, 3);
	return step_walk(L, places);
}

/* In the registry: see mapwalk_set_compiler(). */
static const char compiler;

void mapwalk_set_compiler(lua_State *L)
{
	compat_rawsetp(L, LUA_REGISTRYINDEX, &compiler);
}

/* Puts code that is compiled for the map at IDX in place of the walk W, its names and the tables
 * that it fills again, which are on top; false if there is none.
 */
static bool compile_step(lua_State *L, int idx, struct mapwalk *w)
{
	int walk = lua_gettop(L) - 2;

	compat_rawgetp(L, LUA_REGISTRYINDEX, &compiler);
	if (w->repeats || !lua_isfunction(L, -1)) {
		lua_pop(L, 1);
		return false;
	}
	lua_pushvalue(L, idx);
	lua_pushlightuserdata(L, w);
	lua_pushvalue(L, walk);
	lua_pushvalue(L, walk + 1);
	lua_pushvalue(L, walk + 2);
	lua_call(L, 5, 1);
	if (!lua_isfunction(L, -1)) {
		lua_pop(L, 1);
		return false;
	}
	lua_replace(L, walk);
	lua_settop(L, walk);
	return true;
}

struct pairs_opts {
	bool reuse;
};

/* Pushes a list of the tables that a walk fills again, or nil. */
static void push_again(lua_State *L, bool reuse)
{
	if (!reuse) {
		lua_pushnil(L);
		return;
	}
	lua_createtable(L, 2, 0);
	for (int i = 1; i <= 2; i++) {
		lua_newtable(L);
		lua_rawseti(L, -2, i);
	}
}

/* Pushes a closure of the five values from FIRST on. */
static void push_closure(lua_State *L, int first, lua_CFunction fn)
{
	for (int i = 0; i < 5; i++)
		lua_pushvalue(L, first + i);
	lua_pushcclosure(L, fn, 5);
}

/* Pushes a function that steps the walk W, which is at IDX; after it are its names and the tables
 * that it fills again, or nil.
 */
static void push_step(lua_State *L, const struct mapwalk *w, int idx)
{
	int first = lua_gettop(L) + 1;

	lua_pushvalue(L, idx);
	push_both(L, idx + 1);
	push_both(L, idx + 2);
	if (mapcodec_has_members(&w->m)) {
		push_closure(L, first, step_members);
		if (maker_wrap(L, w->m.value, first + 2, first + 4, 0, "entry"))
			return;
	}
	push_closure(L, first, step_closure);
}

/*** Returns an iterator over keys and values: `for key, value in map:pairs() do`. In Lua 5.2 and
newer `pairs(map)` is the same. Entries are read in batches if the kernel supports it. A key that
stays in the map is returned once; one that is added or deleted meanwhile may be returned or not.
The loop's body may change the map.
@function map:pairs
@tparam ?table opts `reuse`: true: an entry is read into the tables of the one before, for the key
and for the value where they are structures or arrays: the loop makes no garbage; copy what you keep
@treturn function iterator; with `fields` it returns the key and a value for each field
@raise if the map has no keys; in the loop, if the kernel refuses
@usage for flow, counts in object.maps.flows:pairs() do
  print(flow.address, flow.port, counts.packets)
end
local total = 0
for _, counts in object.maps.flows:pairs {reuse = true} do
  total = total + counts.packets
end
@see bpf_map_lookup_batch
@see bpf_map__get_next_key
*/
static int map_pairs(lua_State *L)
{
	static const struct field fields[] = {FIELD(struct pairs_opts, reuse, FIELD_BOOL),
					      FIELDS_END};
	struct pairs_opts opts = {false};
	const struct mapcodec *m;
	struct mapcodec plain;
	struct mapwalk *w;
	int err;

	lua_settop(L, 2);
	mapview_check(L, 1, &plain); /* that it is no map is told first */
	field_read(L, 2, fields, &opts);
	m = mapview_check(L, 1, &plain);
	err = start_walk(L, &w, m, bpf_map_lookup_batch);
	if (err)
		return raise_walk(L, w, -err);
	mapview_push_names(L, 1, m);
	push_again(L, opts.reuse);
	if (!compile_step(L, 1, w) && !iterator_push(L, map_step, 3))
		push_step(L, w, lua_gettop(L) - 2);
	return 1;
}

/*** Counts the keys.
@function map:count
@treturn integer
@fails
@raise if the map has no keys
@usage print(assert(object.maps.flows:count()))
@see bpf_map_lookup_batch
*/
static int map_count(lua_State *L)
{
	struct mapcodec plain;
	const struct mapcodec *m = mapview_check(L, 1, &plain);
	struct mapwalk *w;
	lua_Integer n = 0;
	int err;

	if (m->map.type == BPF_MAP_TYPE_ARRAY || m->map.type == BPF_MAP_TYPE_PERCPU_ARRAY) {
		value_push_u32(L, m->map.max_entries);
		return 1;
	}
	err = start_walk(L, &w, m, bpf_map_lookup_batch);
	while (!err) {
		for (uint32_t i = 0; i < w->n; i++)
			n += mapwalk_is_new(L, w, mapwalk_key(w, i));
		if (w->ended)
			break;
		err = mapwalk_fill(w, 0);
	}
	mapwalk_end(w);
	if (err)
		return mapfd_fail(L, &m->map, -err, "count");
	lua_pushinteger(L, n);
	return 1;
}

void mapwalk_open(lua_State *L)
{
	static const luaL_Reg meta[] = {{"__gc", walk_gc}, {NULL, NULL}};
	static const luaL_Reg none[] = {{NULL, NULL}};
	static const luaL_Reg methods[] = {
		{"pairs", map_pairs},
		{"count", map_count},
		{NULL, NULL},
	};

	class_new(L, WALK, none, meta);
	mapview_add_methods(L, methods);
	lua_pushcfunction(L, map_step);
	lua_setfield(L, -2, "map_step");
}
