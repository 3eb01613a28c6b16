#include "map/elem.h"

#include "base/fd.h"
#include "base/value.h"
#include "map/batch.h"
#include "map/view.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/*** @module lbpf */
/*** Elements of maps
@section elements
@usage local work = object.maps.work
assert(work:push(1))
print(work:peek(), work:pop(), work:pop())
*/

/* The state of a call. Most keys and values fit here, without an allocation. */
struct elem_call {
	struct mapcodec plain;
	const struct mapcodec *m;
	uint64_t flags;
	size_t size; /* of the value, as the kernel copies it */
	struct mapcodec_names names;
	char small_key[64], small_value[512];
};

/* Memory for SIZE bytes: SMALL, or a userdata that is pushed. */
static char *call_room(lua_State *L, char *small, size_t enough, size_t size)
{
	return size <= enough ? small : compat_newuserdata(L, size);
}

/* Reads the map at 1, and the flags at FLAGS_ARG (0: none). DECODES: will the call return a key or
 * a value? Call it before anything is pushed after the arguments.
 */
static void begin_call(lua_State *L, struct elem_call *e, int flags_arg, bool decodes)
{
	e->flags = flags_arg ? mapfd_check_flags(L, flags_arg) : 0;
	e->m = mapview_check(L, 1, &e->plain);
	e->size = mapfd_value_size(L, &e->m->map, e->flags);
	e->names = (struct mapcodec_names){0, 0};
	if (decodes ? e->m->needs_names : e->m->needs_enum_names) {
		mapview_push_names(L, 1, e->m);
		e->names = mapcodec_push_names(L, e->m, lua_gettop(L));
	}
}

/* The bytes of a string are used in place; their length is checked, because the map's sizes may be
 * wrong. */
static const void *key_at(lua_State *L, struct elem_call *e, int arg)
{
	char *out = NULL;

	if (e->m->key || e->m->has_indices)
		out = call_room(L, e->small_key, sizeof(e->small_key), e->m->map.key_size);
	return mapcodec_key(L, e->m, e->names.key, arg, out, arg, 0);
}

static char *room_for_value(lua_State *L, struct elem_call *e)
{
	return call_room(L, e->small_value, sizeof(e->small_value), e->size);
}

static const void *value_at(lua_State *L, struct elem_call *e, int arg)
{
	bool is_list = lua_istable(L, arg) && mapfd_is_of_all_cpus(&e->m->map, e->flags);
	char *out = NULL;

	if (e->m->value || e->m->takes_fds || is_list)
		out = room_for_value(L, e);
	return mapcodec_value(L, e->m, e->names.value, arg, out, e->flags, arg, 0);
}

static int fail(lua_State *L, const struct elem_call *e, int ret, const char *operation)
{
	return mapfd_fail(L, &e->m->map, value_errno(ret), operation);
}

typedef int look_up(int fd, const void *key, void *value, __u64 flags);

/* Pushes the value of the key at KEY_ARG, or nil. A table at INTO_ARG (0: none) is filled. */
static int value_of(lua_State *L, look_up *fn, const char *operation, int key_arg, int into_arg,
		    int flags_arg)
{
	struct elem_call e;
	const void *key;
	char *value;
	int ret;

	begin_call(L, &e, flags_arg, true);
	if (into_arg && !lua_isnil(L, into_arg) && !mapcodec_fills_value(e.m, e.flags))
		luaL_argerror(L, into_arg, "only a structure or an array fills a table");
	if (e.m->map.type == BPF_MAP_TYPE_BLOOM_FILTER) { /* the argument is the value */
		const void *asked;

		luaL_argcheck(L, !lua_isnil(L, key_arg), 1,
			      "a Bloom filter has no next value: use lookup(value)");
		asked = value_at(L, &e, key_arg);
		value = room_for_value(L, &e);
		memmove(value, asked, e.size);
		key = NULL;
	} else {
		key = key_at(L, &e, key_arg);
		value = room_for_value(L, &e);
	}
	ret = fn(e.m->map.fd, key, value, e.flags);
	if (ret == 0)
		return mapcodec_push_value(L, e.m, e.names.value, value, e.flags, into_arg);
	if (value_errno(ret) != ENOENT)
		return fail(L, &e, ret, operation);
	lua_pushnil(L);
	return 1;
}

/* (map, key, [into,] flags): leaves nil for INTO if there is none. */
static void take_into(lua_State *L)
{
	lua_settop(L, 4);
	if (lua_istable(L, 3))
		return;
	luaL_argcheck(L, lua_isnil(L, 4) || lua_isnil(L, 3), 3, "expected a table to fill");
	if (lua_isnil(L, 3))
		return;
	lua_pushnil(L);
	lua_insert(L, 3);
	lua_settop(L, 4);
}

/*** Reads a value. Keys and values are Lua values of the types in the map's definition: integers,
strings (char arrays), tables (structures and arrays). A string of exactly the right size is taken
as the bytes of a structure or array; for an integer it is the number that it says. A value of a
per-CPU map is a list, see `per_cpu`. A key of an array of any kind is an integer from 0, whatever
the definition says. A value of a stack trace map is a list of addresses; with build ids it is a
list of tables with `build_id` (hexadecimal) and `offset`, or with `ip`. Keys and values without a
type are bytes; those of per-CPU maps are lists of bytes. A value that is written as a descriptor
(maps of maps, programs, sockets) is read as an id. `lbpf.map_lookup(map, key, flags)` also takes
descriptors, for which keys and values are bytes.
@function map:lookup
@param key nil for a queue or stack: reads the next value; for a Bloom filter the value to look for
@tparam ?table into may be left out: a table that is filled and returned. The members or elements
are set, also in the tables that it has for some of them, and lists end with the last element; what
else is in it stays. Nothing is changed if there is no such key
@tparam ?string|integer flags "lock": under the value's spin lock; 8: of the CPU in the upper 32
bits, Linux 7.0
@return the value, or with `fields` one result for each field; nil if there is no such key
@fails
@raise if there is a table to fill, and values are not structures or arrays
@usage local counts = object.maps.flows:lookup {address = 0x0a000001, port = 80}
print(counts and counts.packets or "no such flow")
local into = {}
for port = 80, 90 do
  if object.maps.flows:lookup({address = 0x0a000001, port = port}, into) then
    print(port, into.packets)
  end
end
@see bpf_map__lookup_elem
@see bpf_map_lookup_elem_flags
*/
static int map_lookup(lua_State *L)
{
	take_into(L);
	return value_of(L, bpf_map_lookup_elem_flags, "lookup", 2, 3, 4);
}

/*** Reads a value and deletes its key atomically; removes the next value of a queue or stack. Also
`lbpf.map_lookup_and_delete(map, key, flags)`.
@function map:lookup_and_delete
@param key nil for a queue or stack
@tparam ?table into as for `map:lookup`
@tparam ?string|integer flags "lock": under the value's spin lock
@return the value; nil if there is no such key, or if the queue or stack is empty
@fails ENOTSUPP if maps of this type do not support it
@usage print(object.maps.work:lookup_and_delete())
@see bpf_map__lookup_and_delete_elem
@see bpf_map_lookup_and_delete_elem_flags
*/
static int map_lookup_and_delete(lua_State *L)
{
	take_into(L);
	return value_of(L, bpf_map_lookup_and_delete_elem_flags, "lookup_and_delete", 2, 3, 4);
}

/* If the value of a cgroup array is a path, opens it and puts it at ARG and in *OPENED. Returns
 * false, with errno set, if that fails.
 */
static bool open_cgroup(lua_State *L, const struct elem_call *e, int arg, struct fd **opened)
{
	int number;

	if (!e->m->takes_fds || e->m->map.type != BPF_MAP_TYPE_CGROUP_ARRAY ||
	    lua_type(L, arg) != LUA_TSTRING)
		return true;
	*opened = fd_push(L);
	number = open(lua_tostring(L, arg), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd_own(*opened, number);
	if (number >= 0)
		lua_replace(L, arg);
	return number >= 0;
}

/* Writes the value at VALUE_ARG. */
static int write(lua_State *L, int key_arg, int value_arg, int flags_arg, const char *operation)
{
	const void *key = NULL, *value;
	struct fd *opened = NULL;
	struct elem_call e;
	int err;

	begin_call(L, &e, flags_arg, false);
	if (key_arg)
		key = key_at(L, &e, key_arg);
	if (!open_cgroup(L, &e, value_arg, &opened))
		return value_fail(L, errno, "%s: %s: cgroup '%s'", operation, e.m->map.name,
				  lua_tostring(L, value_arg));
	value = value_at(L, &e, value_arg);
	err = bpf_map_update_elem(e.m->map.fd, key, value, e.flags);
	err = err ? value_errno(err) : 0;
	if (opened)
		fd_shut(opened);
	if (err)
		return mapfd_fail(L, &e.m->map, err, operation);
	lua_settop(L, 1);
	return 1;
}

/*** Writes a value. Also `lbpf.map_update(map, key, value, flags)`.
@function map:update
@param key nil for a queue, stack or Bloom filter. A table of keys and values as the only argument
writes all of them, in one system call if the kernel supports that; see `map:update_batch`
@param value members that a table does not have are zero; for a per-CPU map a list with a value for
each possible CPU; if values are maps, programs, sockets or cgroups, an object or a descriptor; for
a cgroup also the path of its directory
@tparam ?string|table|integer flags "any" (the default), "noexist": only a new key, "exist": only an
 existing key, "lock": under the value's spin lock; a list of these; or bits
@treturn map itself
@fails EEXIST, ENOENT, E2BIG if the map is full
@raise if the key or value does not have the map's type; the message names the member
@usage object.maps.flows:update({address = 0x0a000001, port = 80}, {packets = 1}, "noexist")
object.maps.limits:update {[1] = 100, [2] = 50}
@see bpf_map__update_elem
@see bpf_map_update_elem
*/
static int map_update(lua_State *L)
{
	if (lua_gettop(L) == 2 && lua_istable(L, 2))
		return mapbatch_update_table(L);
	lua_settop(L, 4);
	return write(L, 2, 3, 4, "update");
}

/*** Deletes a key. Also `lbpf.map_delete(map, key, flags)`.
@function map:delete
@param key
@tparam ?integer flags
@treturn boolean true; false if there is no such key
@fails EINVAL if keys of this type of map cannot be deleted
@usage if not object.maps.limits:delete(1) then
  print("no such key")
end
@see bpf_map__delete_elem
@see bpf_map_delete_elem_flags
*/
static int map_delete(lua_State *L)
{
	struct elem_call e;
	int ret;

	lua_settop(L, 3);
	begin_call(L, &e, 3, false);
	ret = bpf_map_delete_elem_flags(e.m->map.fd, key_at(L, &e, 2), e.flags);
	if (ret && value_errno(ret) != ENOENT)
		return fail(L, &e, ret, "delete");
	lua_pushboolean(L, ret == 0);
	return 1;
}

/*** Returns the key after the given one, in no particular order. Also `lbpf.map_get_next_key(map,
key)`.
@function map:next_key
@param key nil, or a key that does not exist: returns the first key
@return the key; nil after the last one
@fails
@usage local key = object.maps.limits:next_key()
while key do
  print(key)
  key = object.maps.limits:next_key(key)
end
@see bpf_map__get_next_key
@see bpf_map_get_next_key
*/
static int map_next_key(lua_State *L)
{
	struct elem_call e;
	const void *key;
	char *next;
	int ret;

	lua_settop(L, 2);
	begin_call(L, &e, 0, true);
	key = lua_isnil(L, 2) ? NULL : key_at(L, &e, 2);
	next = compat_newuserdata(L, e.m->map.key_size + 1);
	ret = bpf_map_get_next_key(e.m->map.fd, key, next);
	if (ret == 0)
		return mapcodec_push_key(L, e.m, e.names.key, next, 0);
	if (value_errno(ret) != ENOENT)
		return fail(L, &e, ret, "next_key");
	lua_pushnil(L);
	return 1;
}

/* Maps without keys ---------------------------------------------------------------------- */

/*** Adds a value to a queue, a stack or a Bloom filter.
@function map:push
@param value
@tparam ?string|integer flags "exist": if the map is full, removes the oldest value
@treturn map itself
@fails E2BIG if the map is full
@usage assert(object.maps.work:push(5))
@see bpf_map_update_elem
*/
static int elem_push(lua_State *L)
{
	lua_settop(L, 3);
	return write(L, 0, 2, 3, "push");
}

/* Pushes the next value of a map without keys. */
static int next_value(lua_State *L, look_up *fn, const char *operation)
{
	lua_settop(L, 1);
	lua_pushnil(L);
	return value_of(L, fn, operation, 2, 0, 0);
}

/*** Removes the next value of a queue or stack, and returns it.
@function map:pop
@return the value; nil if the map is empty
@fails
@usage local value = object.maps.work:pop()
while value do
  print(value)
  value = object.maps.work:pop()
end
@see bpf_map_lookup_and_delete_elem
*/
static int elem_pop(lua_State *L)
{
	return next_value(L, bpf_map_lookup_and_delete_elem_flags, "pop");
}

/*** Returns the next value of a queue or stack without removing it.
@function map:peek
@return the value; nil if the map is empty
@fails
@see bpf_map_lookup_elem
*/
static int elem_peek(lua_State *L)
{
	return next_value(L, bpf_map_lookup_elem_flags, "peek");
}

void mapelem_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"map_lookup", map_lookup},
		{"map_lookup_and_delete", map_lookup_and_delete},
		{"map_update", map_update},
		{"map_delete", map_delete},
		{"map_get_next_key", map_next_key},
		{NULL, NULL},
	};
	static const luaL_Reg methods[] = {
		{"lookup", map_lookup},
		{"lookup_and_delete", map_lookup_and_delete},
		{"update", map_update},
		{"delete", map_delete},
		{"next_key", map_next_key},
		{"push", elem_push},
		{"pop", elem_pop},
		{"peek", elem_peek},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
	mapview_add_methods(L, methods);
}
