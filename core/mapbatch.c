/* Many entries of a map in one system call. The kernel may end a batch early, for reasons good and
 * bad; what it did until then counts, and is neither lost nor done twice.
 */
#include "field.h"
#include "mapfd.h"
#include "syscall.h"
#include "value.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

/*** @module lbpf */
/*** Batches of elements
@section batches
*/

/* How much is read at a time, unless the script says how many entries. */
#define CHUNK_BYTES ((size_t)1 << 20)

/* How often the kernel may ask to try again before anything comes of it. */
#define TRIES 16

struct batch_opts {
	struct bpf_map_batch_opts kernel; /* first: its fields' offsets are good for both */
	uint32_t count;
};

static const struct field write_fields[] = {
	FIELD_BY_ROOM("elem_flags"),
	FIELD(struct bpf_map_batch_opts, flags, FIELD_U64),
	FIELDS_END,
};

static const struct field read_fields[] = {
	FIELD(struct batch_opts, count, FIELD_U32),
	FIELD_BY_ROOM("in_batch"),
	FIELD_BY_ROOM("elem_flags"),
	FIELD(struct bpf_map_batch_opts, flags, FIELD_U64),
	FIELDS_END,
};

static void read_opts(lua_State *L, int arg, const struct field *fields, struct batch_opts *opts)
{
	uint64_t flags = 0;

	*opts = (struct batch_opts){.kernel.sz = sizeof(opts->kernel)};
	field_read(L, arg, fields, opts);
	if (lua_isnoneornil(L, arg))
		return;
	lua_getfield(L, arg, "elem_flags");
	luaL_argcheck(L, mapfd_to_flags(L, -1, &flags), arg,
		      "option 'elem_flags' must be \"any\", \"noexist\", \"exist\" or bits");
	opts->kernel.elem_flags = flags;
	lua_pop(L, 1);
}

/* How many entries of ASKED a call has dealt with. The kernel sets COUNT unless it refuses the
 * call as such; after EFAULT it means nothing.
 */
static uint32_t done_of(int err, uint32_t asked, uint32_t count)
{
	if (!err)
		return count;
	if (err == EFAULT || count > asked || (count == asked && err != ENOENT))
		return 0;
	return count;
}

static bool is_worth_another_try(int err)
{
	return err == EAGAIN || err == EBUSY || err == EINTR;
}

/* Reading -------------------------------------------------------------------------------- */

typedef int read_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
		       const struct bpf_map_batch_opts *opts);

struct reader {
	struct mapfd map;
	size_t value_size;
	size_t token_size;
	uint32_t chunk, chunk_max;
	char *token, *next; /* where the kernel is in the map: the last one, and room for another */
	char *keys, *values;
	bool started;
	int results; /* the stack index from which on the following lie */
	int n, again;
};

/* The lists of results; where a key is in them, for walks that may start anew; and room for a
 * batch.
 */
enum { KEYS, VALUES, SEEN, BUFFER };

/* A walk from key to key starts anew when somebody deletes the key that it stands on. */
static bool walks_by_key(uint32_t type)
{
	return type == BPF_MAP_TYPE_LPM_TRIE || type == BPF_MAP_TYPE_SOCKHASH;
}

static void make_room(lua_State *L, struct reader *r)
{
	r->keys = compat_newuserdata(L, r->chunk * (r->map.key_size + r->value_size) + 1);
	r->values = r->keys + r->chunk * r->map.key_size;
	lua_replace(L, r->results + BUFFER);
}

static void begin(lua_State *L, struct reader *r, const struct batch_opts *opts)
{
	size_t entry, chunk;

	mapfd_check(L, 1, &r->map);
	r->value_size = mapfd_value_size(L, &r->map, opts->kernel.elem_flags);
	entry = r->map.key_size + r->value_size + 1;
	chunk = CHUNK_BYTES / entry;
	if (opts->count && chunk > opts->count)
		chunk = opts->count;
	/* preallocated hashes have a few entries more than they say, for each CPU */
	r->chunk_max =
		r->map.max_entries > INT32_MAX / 2 ? INT32_MAX : 2 * r->map.max_entries + 1024;
	if (chunk > r->map.max_entries)
		chunk = r->map.max_entries;
	r->chunk = chunk ? (uint32_t)chunk : 1;
	/* hashes write the number of a bucket there, however short their keys */
	r->token_size = r->map.key_size < 4 ? 4 : r->map.key_size;
	r->token = compat_newuserdata(L, 2 * r->token_size);
	r->next = r->token + r->token_size;
	if (!lua_isnoneornil(L, 2)) {
		size_t len = 0;
		const char *in;

		lua_getfield(L, 2, "in_batch");
		in = lua_tolstring(L, -1, &len);
		luaL_argcheck(L, lua_isnil(L, -1) || (in && len == r->token_size), 2,
			      "option 'in_batch' must be what the last batch returned");
		r->started = in;
		if (in)
			memcpy(r->token, in, len);
		lua_pop(L, 1);
	}
	lua_newtable(L);
	r->results = lua_gettop(L);
	lua_newtable(L);
	if (walks_by_key(r->map.type))
		lua_newtable(L);
	else
		lua_pushnil(L);
	lua_pushnil(L);
	make_room(L, r);
}

/* Appends an entry, or updates it where a walk comes by again. */
static void add(lua_State *L, struct reader *r, const char *key, const char *value)
{
	int at = r->n + 1;

	lua_pushlstring(L, key, r->map.key_size);
	if (!lua_isnil(L, r->results + SEEN)) {
		lua_pushvalue(L, -1);
		lua_rawget(L, r->results + SEEN);
		if (!lua_isnil(L, -1)) {
			at = (int)lua_tointeger(L, -1);
			r->again++;
		}
		lua_pop(L, 1);
		lua_pushvalue(L, -1);
		lua_pushinteger(L, at);
		lua_rawset(L, r->results + SEEN);
	}
	lua_rawseti(L, r->results + KEYS, at);
	lua_pushlstring(L, value, r->value_size);
	lua_rawseti(L, r->results + VALUES, at);
	if (at > r->n)
		r->n = at;
}

/* Pushes the two lists and, unless the map is at its end, what goes on from there. */
static int push_results(lua_State *L, const struct reader *r, bool more)
{
	lua_pushvalue(L, r->results + KEYS);
	lua_pushvalue(L, r->results + VALUES);
	if (!more || !r->started)
		return 2;
	lua_pushlstring(L, r->token, r->token_size);
	return 3;
}

static int read_failed(lua_State *L, const struct reader *r, int err, const char *operation)
{
	mapfd_fail(L, &r->map, err, operation);
	lua_newtable(L);
	lua_pushvalue(L, r->results + KEYS);
	lua_setfield(L, -2, "keys");
	lua_pushvalue(L, r->results + VALUES);
	lua_setfield(L, -2, "values");
	if (r->started) {
		lua_pushlstring(L, r->token, r->token_size);
		lua_setfield(L, -2, "out_batch");
	}
	return 4;
}

static int read_all(lua_State *L, read_batch *fn, const char *operation)
{
	struct reader r = {0};
	struct batch_opts opts;
	uint32_t asked, count;
	int err, idle = 0;

	lua_settop(L, 2);
	read_opts(L, 2, read_fields, &opts);
	begin(L, &r, &opts);
	for (;;) {
		asked = r.chunk;
		if (opts.count && r.n > 0 && opts.count - (uint32_t)r.n < asked)
			asked = opts.count - (uint32_t)r.n;
		count = asked;
		err = fn(r.map.fd, r.started ? r.token : NULL, r.next, r.keys, r.values, &count,
			 &opts.kernel);
		err = err ? value_errno(err) : 0;
		count = done_of(err, asked, count);
		for (uint32_t i = 0; i < count; i++)
			add(L, &r, r.keys + i * r.map.key_size, r.values + i * r.value_size);
		if (err == ENOENT)
			return push_results(L, &r, false);
		if (count > 0) {
			memcpy(r.token, r.next, r.token_size);
			r.started = true;
			idle = 0;
			if (r.again > (int)r.chunk_max)
				return read_failed(L, &r, EAGAIN, operation);
			if (opts.count && (uint32_t)r.n >= opts.count)
				return push_results(L, &r, true);
		} else if (err == ENOSPC && asked < r.chunk) {
			return push_results(L, &r, true);
		} else if (err == ENOSPC && r.chunk < r.chunk_max) {
			/* the next bucket holds more than that, and comes as a whole */
			r.chunk = r.chunk > r.chunk_max / 2 ? r.chunk_max : 2 * r.chunk;
			make_room(L, &r);
			continue;
		}
		if (err && !(is_worth_another_try(err) && ++idle < TRIES))
			return read_failed(L, &r, err, operation);
		if (!err && count == 0 && ++idle >= TRIES)
			return read_failed(L, &r, EAGAIN, operation);
	}
}

/*** Reads all entries of a map, many in one system call. Others may change the map meanwhile; the
read ends all the same, and no key comes twice. Also `map:lookup_batch(opts)`.
@function map_lookup_batch
@tparam integer|fd|map map
@tparam ?table opts `count`: stop after about so many entries (a hash gives whole buckets);
 `in_batch`: go on where the last call stopped; `elem_flags` (4: under the values' spin locks),
 `flags`
@treturn table list of keys
@treturn table list of values, in the same order; of a per-CPU map those of all CPUs
@treturn ?string with `count`, what to give as `in_batch` for the next entries; nil at the end
@treturn[2] nil
@treturn[2] string message
@treturn[2] integer error number: ENOTSUPP (524) if maps of this type cannot, EAGAIN if others
 change the map so fast that there is no end
@treturn[2] table what was read until then: `keys`, `values`, `out_batch`
@see bpf_map_lookup_batch
*/
static int map_lookup_batch(lua_State *L)
{
	return read_all(L, bpf_map_lookup_batch, "map_lookup_batch");
}

/*** Reads all entries of a map, and deletes each as it is read: what another process adds or counts
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
@treturn[2] table what was read, and is no longer in the map: `keys`, `values`, `out_batch`
@see bpf_map_lookup_and_delete_batch
*/
static int map_lookup_and_delete_batch(lua_State *L)
{
	return read_all(L, bpf_map_lookup_and_delete_batch, "map_lookup_and_delete_batch");
}

/* Writing -------------------------------------------------------------------------------- */

/* The list of strings at ARG in one piece, which stays on the stack. */
static char *pack(lua_State *L, int arg, size_t size, const char *what, uint32_t *n)
{
	char *packed;

	luaL_checktype(L, arg, LUA_TTABLE);
	luaL_argcheck(L, lua_rawlen(L, arg) <= INT32_MAX, arg, "too many");
	*n = (uint32_t)lua_rawlen(L, arg);
	packed = compat_newuserdata(L, *n * size + 1);
	for (uint32_t i = 0; i < *n; i++) {
		size_t len = 0;
		const char *bytes;

		lua_rawgeti(L, arg, (int)i + 1);
		bytes = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
		if (!bytes || len != size)
			luaL_argerror(L, arg,
				      lua_pushfstring(L, "[%d]: a %s of this map has %d bytes",
						      (int)i + 1, what, (int)size));
		memcpy(packed + i * size, bytes, size);
		lua_pop(L, 1);
	}
	return packed;
}

struct writer {
	struct mapfd map;
	const char *keys, *values; /* no values: to delete */
	size_t value_size;
	uint32_t n, done, missing;
};

/* Goes on until the kernel refuses an entry: returns why, or 0. */
static int write_all(struct writer *w, const struct bpf_map_batch_opts *opts)
{
	int tries = 0;

	while (w->done < w->n) {
		const char *keys = w->keys + w->done * w->map.key_size;
		uint32_t asked = w->n - w->done, count = asked;
		int ret = w->values ? bpf_map_update_batch(w->map.fd, keys,
							   w->values + w->done * w->value_size,
							   &count, opts)
				    : bpf_map_delete_batch(w->map.fd, keys, &count, opts);
		int err = ret ? value_errno(ret) : 0;

		/* a call that stops early has not dealt with all */
		count = err && count >= asked ? 0 : done_of(err, asked, count);
		w->done += count;
		if (err == ENOENT && !w->values) {
			w->done++;
			w->missing++;
			tries = 0;
			continue;
		}
		if (count > 0)
			tries = 0;
		if (err && !(is_worth_another_try(err) && ++tries < TRIES))
			return err;
		if (!err && count == 0)
			return EIO;
	}
	return 0;
}

static int write_failed(lua_State *L, const struct writer *w, int err, const char *operation)
{
	value_fail(L, err, "%s: %s, entry %u of %u", operation, w->map.name, w->done + 1, w->n);
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
@tparam table values as many
@tparam ?table opts `elem_flags`: "any" (the default), "noexist", "exist" or bits, of which kernels
 to this day take only 4, under the values' spin locks; `flags`
@treturn integer|fd|map the first argument
@treturn[2] nil
@treturn[2] string message: which entry was refused
@treturn[2] integer error number
@treturn[2] ?integer how many entries were written before it; nil after EFAULT, which hides that
@see bpf_map_update_batch
*/
static int map_update_batch(lua_State *L)
{
	struct writer w = {0};
	struct batch_opts opts;
	uint32_t values;
	int err;

	lua_settop(L, 4);
	mapfd_check(L, 1, &w.map);
	read_opts(L, 4, write_fields, &opts);
	w.value_size = mapfd_value_size(L, &w.map, opts.kernel.elem_flags);
	w.keys = pack(L, 2, w.map.key_size, "key", &w.n);
	w.values = pack(L, 3, w.value_size, "value", &values);
	luaL_argcheck(L, w.n == values, 3, "expected as many values as keys");
	err = write_all(&w, &opts.kernel);
	if (err)
		return write_failed(L, &w, err, "map_update_batch");
	lua_settop(L, 1);
	return 1;
}

/*** Deletes many keys of a map. Those that are not there are passed over. Also
`map:delete_batch(keys, opts)`.
@function map_delete_batch
@tparam integer|fd|map map
@tparam table keys a list of strings
@tparam ?table opts `elem_flags`, `flags`
@treturn integer how many there were
@treturn[2] nil
@treturn[2] string message: which entry was refused
@treturn[2] integer error number
@treturn[2] ?integer how many were deleted before it; nil after EFAULT, which hides that
@see bpf_map_delete_batch
*/
static int map_delete_batch(lua_State *L)
{
	struct writer w = {0};
	struct batch_opts opts;
	int err;

	lua_settop(L, 3);
	mapfd_check(L, 1, &w.map);
	read_opts(L, 3, write_fields, &opts);
	w.keys = pack(L, 2, w.map.key_size, "key", &w.n);
	err = write_all(&w, &opts.kernel);
	if (err)
		return write_failed(L, &w, err, "map_delete_batch");
	lua_pushinteger(L, w.n - w.missing);
	return 1;
}

const luaL_Reg map_batch_functions[] = {
	{"map_lookup_batch", map_lookup_batch},
	{"map_lookup_and_delete_batch", map_lookup_and_delete_batch},
	{"map_update_batch", map_update_batch},
	{"map_delete_batch", map_delete_batch},
	{NULL, NULL},
};

const luaL_Reg map_batch_methods[] = {
	{"lookup_batch", map_lookup_batch},
	{"lookup_and_delete_batch", map_lookup_and_delete_batch},
	{"update_batch", map_update_batch},
	{"delete_batch", map_delete_batch},
	{NULL, NULL},
};
