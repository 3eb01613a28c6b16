/* Many entries of a map in one system call. The kernel may end a batch early, for several reasons;
 * what it has done until then counts, and is neither lost nor repeated.
 */
#include "map/batch.h"

#include "base/field.h"
#include "base/value.h"
#include "map/view.h"
#include "map/walk.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

/*** @module lbpf */
/*** Batches of elements
@section batches
@usage local fd = assert(lbpf.map_create("hash", "numbers", 4, 4, 16))
assert(lbpf.map_update_batch(fd, {"aaaa", "bbbb"}, {"AAAA", "BBBB"}))
assert(lbpf.map_delete_batch(fd, {"aaaa"}) == 1)
print(#assert(lbpf.map_lookup_batch(fd)))
local keys, values = assert(lbpf.map_lookup_and_delete_batch(fd))
print(keys[1], values[1])
*/

struct batch_opts {
	struct bpf_map_batch_opts
		kernel; /* first, so that the offsets of its fields are valid here */
	uint32_t count;
};

static const struct field write_fields[] = {
	FIELD_BY_MODULE("elem_flags"),
	FIELD(struct bpf_map_batch_opts, flags, FIELD_U64),
	FIELDS_END,
};

static const struct field read_fields[] = {
	FIELD(struct batch_opts, count, FIELD_U32),
	FIELD_BY_MODULE("in_batch"),
	FIELD_BY_MODULE("elem_flags"),
	FIELD(struct bpf_map_batch_opts, flags, FIELD_U64),
	FIELDS_END,
};

static void read_batch_opts(lua_State *L, int arg, const struct field *fields,
			    struct batch_opts *opts)
{
	uint64_t flags = 0;

	*opts = (struct batch_opts){.kernel.sz = sizeof(opts->kernel)};
	field_read(L, arg, fields, opts);
	if (lua_isnoneornil(L, arg))
		return;
	lua_getfield(L, arg, "elem_flags");
	if (!mapfd_to_flags(L, -1, &flags))
		luaL_argerror(L, arg,
			      lua_pushfstring(L, "option 'elem_flags': %s", lua_tostring(L, -1)));
	opts->kernel.elem_flags = flags;
	lua_pop(L, 1);
}

/* Reading -------------------------------------------------------------------------------- */

/* Lists of results on the stack: the keys, then a list for each value of an entry. */
struct batch_lists {
	int first, count;
	int n; /* entries */
	struct mapcodec_names names;
};

static void append(lua_State *L, struct batch_lists *l, const struct mapwalk *w, uint32_t i)
{
	l->n++;
	mapcodec_push_key(L, &w->m, l->names.key, mapwalk_key(w, i), 0);
	lua_rawseti(L, l->first, l->n);
	mapcodec_push_value(L, &w->m, l->names.value, mapwalk_value(w, i), w->opts.elem_flags, 0);
	for (int list = l->count; list-- > 1;)
		lua_rawseti(L, l->first + list, l->n);
}

/* Pushes the token with which the next call continues. */
static void push_token(lua_State *L, const struct mapwalk *w)
{
	lua_pushlstring(L, w->token, w->token_size);
}

/* Pushes the results: the lists, which are on top, and the token unless the map is at its end. */
static int push_results(lua_State *L, const struct batch_lists *l, const struct mapwalk *w)
{
	for (int i = 0; i < l->count; i++)
		lua_pushvalue(L, l->first + i);
	if (w->ended || !w->started)
		return l->count;
	push_token(L, w);
	return l->count + 1;
}

static int read_failed(lua_State *L, const struct batch_lists *l, const struct mapwalk *w, int err,
		       const char *operation)
{
	mapfd_fail(L, &w->m.map, err, operation);
	lua_newtable(L);
	lua_pushvalue(L, l->first);
	lua_setfield(L, -2, "keys");
	lua_pushvalue(L, l->first + 1);
	lua_setfield(L, -2, "values");
	if (w->started) {
		push_token(L, w);
		lua_setfield(L, -2, "out_batch");
	}
	return 4;
}

/* Continues at option `in_batch` of the table at 2. */
static void resume(lua_State *L, struct mapwalk *w)
{
	size_t len = 0;
	const char *in;

	if (lua_isnil(L, 2))
		return;
	lua_getfield(L, 2, "in_batch");
	in = lua_tolstring(L, -1, &len);
	luaL_argcheck(L, lua_isnil(L, -1) || (in && len == w->token_size), 2,
		      "option 'in_batch' must be a result of the last batch");
	w->started = in;
	if (in)
		memcpy(w->token, in, len);
	lua_pop(L, 1);
}

static int read_all(lua_State *L, mapwalk_read *fn, const char *operation)
{
	const struct mapcodec *m;
	struct mapcodec plain;
	struct batch_opts opts;
	struct mapwalk *w;
	struct batch_lists l = {0};
	int walk, err;

	lua_settop(L, 2);
	read_batch_opts(L, 2, read_fields, &opts);
	m = mapview_check(L, 1, &plain);
	mapview_push_names(L, 1, m);
	l.names = mapcodec_push_names(L, m, 3);
	l.first = lua_gettop(L) + 1;
	l.count = 1 + mapcodec_values(m);
	luaL_checkstack(L, 2 * l.count + 10, "too many fields");
	for (int i = 0; i < l.count; i++)
		lua_newtable(L);
	w = mapwalk_push(L, m, fn, opts.kernel.elem_flags, opts.count);
	walk = lua_gettop(L);
	w->opts.flags = opts.kernel.flags;
	resume(L, w);
	do {
		err = mapwalk_fill(w, opts.count && l.n > 0 ? opts.count - (uint32_t)l.n : 0);
		if (err == -ENOSPC && l.n > 0)
			break; /* the next bucket has more entries than were asked for */
		if (err)
			return read_failed(L, &l, w, -err, operation);
		for (uint32_t i = 0; i < w->n; i++) {
			lua_settop(L, walk);
			if (mapwalk_is_new(L, w, mapwalk_key(w, i)))
				append(L, &l, w, i);
		}
	} while (!w->ended && !(opts.count && (uint32_t)l.n >= opts.count));
	return push_results(L, &l, w);
}

/*** Reads all entries of a map, many per system call. If others change the map meanwhile, the call
still ends, and no key is returned twice. Also `map:lookup_batch(opts)`.
@function map_lookup_batch
@tparam integer|fd|map map
@tparam ?table opts `count`: stop after about so many entries (a hash returns whole buckets);
`in_batch`: continue where the last call stopped; `elem_flags` (4: under the values' spin locks),
`flags`
@treturn table list of keys
@treturn table list of values, in the same order; of a per-CPU map lists with the values of all CPUs
@treturn ?string with `count`: `in_batch` for the next call; nil at the end
@treturn[2] nil
@treturn[2] string message
@treturn[2] integer error number: ENOTSUPP (524) if maps of this type have no batches, EAGAIN if
others change the map too fast
@treturn[2] table what was read: `keys`, `values`, `out_batch`
@usage local keys, values = object.maps.limits:lookup_batch()
for i = 1, #keys do
  print(keys[i], values[i])
end
@see bpf_map_lookup_batch
*/
static int map_lookup_batch(lua_State *L)
{
	return read_all(L, bpf_map_lookup_batch, "map_lookup_batch");
}

/*** Reads all entries of a map, and deletes each as it is read: what another process writes
meanwhile is either in the result or still in the map. Also `map:lookup_and_delete_batch(opts)`.
@function map_lookup_and_delete_batch
@tparam integer|fd|map map a hash
@tparam ?table opts like those of `map_lookup_batch`
@treturn table list of keys
@treturn table list of values, in the same order
@treturn ?string like that of `map_lookup_batch`
@treturn[2] nil
@treturn[2] string message
@treturn[2] integer error number
@treturn[2] table what was read and deleted: `keys`, `values`, `out_batch`
@see bpf_map_lookup_and_delete_batch
*/
static int map_lookup_and_delete_batch(lua_State *L)
{
	return read_all(L, bpf_map_lookup_and_delete_batch, "map_lookup_and_delete_batch");
}

/* Writing -------------------------------------------------------------------------------- */

/* Allocates N entries in one block, which stays on the stack. */
static char *allocate(lua_State *L, size_t n, size_t size)
{
	return compat_newuserdata(L, n * size + 1);
}

static uint32_t check_list(lua_State *L, int arg)
{
	luaL_checktype(L, arg, LUA_TTABLE);
	luaL_argcheck(L, lua_rawlen(L, arg) <= INT32_MAX, arg, "too many");
	return (uint32_t)lua_rawlen(L, arg);
}

static void put(char *at, const void *bytes, size_t size)
{
	if (bytes != at)
		memcpy(at, bytes, size);
}

/* The list of keys at ARG. */
static char *pack_keys(lua_State *L, int arg, const struct mapcodec *m, int names, uint32_t n)
{
	size_t size = m->map.key_size;
	char *packed = allocate(L, n, size);

	for (uint32_t i = 0; i < n; i++) {
		char *at = packed + i * size;

		lua_rawgeti(L, arg, (int)i + 1);
		put(at, mapcodec_key(L, m, names, lua_gettop(L), at, arg, (int)i + 1), size);
		lua_pop(L, 1);
	}
	return packed;
}

/* The list of values at ARG. */
static char *pack_values(lua_State *L, int arg, const struct mapcodec *m, int names, uint32_t n,
			 uint64_t flags)
{
	size_t size = mapfd_value_size(L, &m->map, flags);
	char *packed = allocate(L, n, size);

	for (uint32_t i = 0; i < n; i++) {
		char *at = packed + i * size;

		lua_rawgeti(L, arg, (int)i + 1);
		put(at, mapcodec_value(L, m, names, lua_gettop(L), at, flags, arg, (int)i + 1),
		    size);
		lua_pop(L, 1);
	}
	return packed;
}

struct writer {
	const struct mapfd *map;
	const char *keys, *values; /* no values: delete the keys */
	size_t value_size;
	uint32_t n, done, missing;
};

/* Continues until the kernel refuses an entry: returns the error number, or 0. */
static int write_all(struct writer *w, const struct bpf_map_batch_opts *opts)
{
	int tries = 0;

	while (w->done < w->n) {
		const char *keys = w->keys + w->done * w->map->key_size;
		uint32_t asked = w->n - w->done, count = asked;
		int ret = w->values ? bpf_map_update_batch(w->map->fd, keys,
							   w->values + w->done * w->value_size,
							   &count, opts)
				    : bpf_map_delete_batch(w->map->fd, keys, &count, opts);
		int err = ret ? value_errno(ret) : 0;

		/* if a call stops early, it has not processed all entries */
		count = err && count >= asked ? 0 : mapwalk_done(err, asked, count);
		w->done += count;
		if (err == ENOENT && !w->values) {
			w->done++;
			w->missing++;
			tries = 0;
			continue;
		}
		if (count > 0)
			tries = 0;
		if (err && !(mapwalk_is_worth_another_try(err) && ++tries < MAPWALK_TRIES))
			return err;
		if (!err && count == 0)
			return EIO;
	}
	return 0;
}

static int write_failed(lua_State *L, const struct writer *w, int err, const char *operation)
{
	value_fail(L, err, "%s: %s, entry %u of %u", operation, w->map->name, w->done + 1, w->n);
	if (err == EFAULT)
		lua_pushnil(L);
	else
		lua_pushinteger(L, w->done - w->missing);
	return 4;
}

/*** Writes many entries of a map. Also `map:update_batch(keys, values, opts)`.
@function map_update_batch
@tparam integer|fd|map map
@tparam table keys a list of strings
@tparam table values a list of the same length
@tparam ?table opts `elem_flags`: "any" (the default), "noexist", "exist" or bits; kernels so far
accept only 4, under the values' spin locks; `flags`
@treturn integer|fd|map the first argument
@treturn[2] nil
@treturn[2] string message: which entry was refused
@treturn[2] integer error number
@treturn[2] ?integer how many entries were written before it; nil after EFAULT, when it is unknown
@see bpf_map_update_batch
*/
static int map_update_batch(lua_State *L)
{
	struct writer w = {0};
	const struct mapcodec *m;
	struct mapcodec plain;
	struct mapcodec_names names;
	struct batch_opts opts;
	uint64_t flags;
	int err;

	lua_settop(L, 4);
	m = mapview_check(L, 1, &plain);
	read_batch_opts(L, 4, write_fields, &opts);
	flags = opts.kernel.elem_flags;
	w.map = &m->map;
	w.n = check_list(L, 2);
	luaL_argcheck(L, w.n == check_list(L, 3), 3, "there must be as many values as keys");
	w.value_size = mapfd_value_size(L, &m->map, flags);
	mapview_push_names(L, 1, m);
	names = mapcodec_push_names(L, m, 5);
	w.keys = pack_keys(L, 2, m, names.key, w.n);
	w.values = pack_values(L, 3, m, names.value, w.n, flags);
	err = write_all(&w, &opts.kernel);
	if (err)
		return write_failed(L, &w, err, "map_update_batch");
	lua_settop(L, 1);
	return 1;
}

/* Writes one entry at a time, for maps without batches. */
static int write_each(struct writer *w)
{
	for (; w->done < w->n; w->done++) {
		int ret = bpf_map_update_elem(w->map->fd, w->keys + w->done * w->map->key_size,
					      w->values + w->done * w->value_size, 0);

		if (ret)
			return value_errno(ret);
	}
	return 0;
}

int mapbatch_update_table(lua_State *L)
{
	struct bpf_map_batch_opts opts = {.sz = sizeof(opts)};
	struct mapcodec plain;
	const struct mapcodec *m = mapview_check(L, 1, &plain);
	struct writer w = {.map = &m->map, .value_size = mapfd_value_size(L, &m->map, 0)};
	struct mapcodec_names names;
	char *keys, *values;
	uint32_t i = 0;
	int top, err;

	luaL_argcheck(L, m->map.key_size > 0, 1, "a map of this type has no keys");
	for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
		w.n++;
	w.keys = keys = allocate(L, w.n, m->map.key_size);
	w.values = values = allocate(L, w.n, w.value_size);
	mapview_push_names(L, 1, m);
	names = mapcodec_push_names(L, m, lua_gettop(L));
	top = lua_gettop(L);
	for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1), i++) {
		char *key = keys + i * m->map.key_size, *value = values + i * w.value_size;

		put(key, mapcodec_key(L, m, names.key, top + 1, key, 2, 0), m->map.key_size);
		put(value, mapcodec_value(L, m, names.value, top + 2, value, 0, 2, 0),
		    w.value_size);
	}
	err = write_all(&w, &opts);
	if (err && w.done == 0 && mapwalk_has_no_batches(err))
		err = write_each(&w);
	if (err)
		return write_failed(L, &w, err, "update");
	lua_settop(L, 1);
	return 1;
}

/*** Deletes many keys of a map. Keys that do not exist are skipped. Also
`map:delete_batch(keys, opts)`.
@function map_delete_batch
@tparam integer|fd|map map
@tparam table keys a list of strings
@tparam ?table opts `elem_flags`, `flags`
@treturn integer how many keys were deleted
@treturn[2] nil
@treturn[2] string message: which entry was refused
@treturn[2] integer error number
@treturn[2] ?integer how many were deleted before it; nil after EFAULT, when it is unknown
@see bpf_map_delete_batch
*/
static int map_delete_batch(lua_State *L)
{
	struct writer w = {0};
	const struct mapcodec *m;
	struct mapcodec plain;
	struct batch_opts opts;
	int err;

	lua_settop(L, 3);
	m = mapview_check(L, 1, &plain);
	read_batch_opts(L, 3, write_fields, &opts);
	w.map = &m->map;
	w.n = check_list(L, 2);
	mapview_push_names(L, 1, m);
	w.keys = pack_keys(L, 2, m, mapcodec_push_names(L, m, 4).key, w.n);
	err = write_all(&w, &opts.kernel);
	if (err)
		return write_failed(L, &w, err, "map_delete_batch");
	lua_pushinteger(L, w.n - w.missing);
	return 1;
}

void mapbatch_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"map_lookup_batch", map_lookup_batch},
		{"map_lookup_and_delete_batch", map_lookup_and_delete_batch},
		{"map_update_batch", map_update_batch},
		{"map_delete_batch", map_delete_batch},
		{NULL, NULL},
	};
	static const luaL_Reg methods[] = {
		{"lookup_batch", map_lookup_batch},
		{"lookup_and_delete_batch", map_lookup_and_delete_batch},
		{"update_batch", map_update_batch},
		{"delete_batch", map_delete_batch},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
	mapview_add_methods(L, methods);
}
