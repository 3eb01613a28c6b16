#include "event/userring.h"

#include "base/class.h"
#include "base/clock.h"
#include "base/field.h"
#include "base/frame.h"
#include "base/process.h"
#include "base/value.h"
#include "event/endpoint.h"
#include "event/type.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*** @module lbpf */
/*** User ring buffers
@section user_rings
@needs user rings
@usage local ring = assert(lbpf.user_ring_buffer(object.maps.commands))
local sample = assert(ring:reserve(8))
assert(sample:write("go"))
assert(sample:submit())
assert(ring:reserve_blocking(8, 100)):discard()
assert(ring:send("stop"))
assert(ring:close())
*/

static const char USERRING[] = "lbpf.user_ring_buffer";
static const char SAMPLE[] = "lbpf.user_ring_sample";

/* A size has 30 of 32 bits; libbpf uses the other two. */
#define SIZE_LIMIT ((1 << 30) - 1)

/* How long one call of libbpf may wait, in milliseconds. While there is space in the ring, but not
 * enough, libbpf retries in a loop that no signal interrupts.
 */
#define PATIENCE 100

/* In C's memory, as samples are: they refer to each other, and Lua frees a userdata whose metatable
 * was taken away without a word.
 */
struct userring {
	struct user_ring_buffer *rb; /* NULL once closed */
	struct endpoint map;
	struct user_sample *reserved;
	struct eventtype type;
	const struct process *maker;
};

struct userring_handle {
	struct userring *r; /* NULL: there was no memory */
};

struct sample_handle {
	struct user_sample *s;
};

/* On its ring's list exactly while it is reserved. */
struct user_sample {
	struct user_sample *next, **at;
	struct userring *ring; /* NULL once it is submitted or discarded */
	const char *over;      /* "was submitted" */
	char *data;
	__u32 size;
};

static struct userring *check_userring(lua_State *L)
{
	struct userring *r = ((struct userring_handle *)class_check(L, 1, USERRING))->r;

	if (!r->rb)
		luaL_error(L, "user ring buffer is closed");
	process_check(L, r->maker, "the user ring buffer", NULL);
	return r;
}

/* Samples --------------------------------------------------------------------------------- */

static void reserve(struct userring *r, struct user_sample *s, void *data, __u32 size)
{
	s->ring = r;
	s->data = data;
	s->size = size;
	s->next = r->reserved;
	s->at = &r->reserved;
	if (s->next)
		s->next->at = &s->next;
	r->reserved = s;
	memset(data, 0, size); /* clear the data of an older sample */
}

static void finish_sample(struct user_sample *s, bool submit, const char *over)
{
	if (submit)
		user_ring_buffer__submit(s->ring->rb, s->data);
	else if (process_owns(s->ring->maker)) /* otherwise another process may be writing it */
		user_ring_buffer__discard(s->ring->rb, s->data);
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	s->ring = NULL;
	s->data = NULL;
	s->over = over;
}

static struct user_sample *sample_of(lua_State *L)
{
	return ((struct sample_handle *)class_check(L, 1, SAMPLE))->s;
}

static struct user_sample *check_sample(lua_State *L)
{
	struct user_sample *s = sample_of(L);

	if (!s->ring)
		luaL_error(L, "the sample %s", s->over);
	process_check(L, s->ring->maker, "the user ring buffer", NULL);
	return s;
}

/*** Writes bytes to the sample. Bytes that are not written are zero.
@function user_ring_sample:write
@tparam string bytes
@tparam ?integer offset where they begin, from 0; nil: 0
@treturn user_ring_sample itself
@raise if they do not fit; if the sample was submitted or discarded, or its ring buffer is closed
@see user_ring_buffer__reserve
*/
static int sample_write(lua_State *L)
{
	struct user_sample *s = check_sample(L);
	size_t len, offset = 0;
	const char *bytes = luaL_checklstring(L, 2, &len);

	if (!lua_isnoneornil(L, 3))
		offset = (size_t)value_check_int(L, 3, 0, s->size);
	if (len > s->size - offset)
		return luaL_error(L, "%d bytes at offset %d do not fit a sample of %d", (int)len,
				  (int)offset, (int)s->size);
	memcpy(s->data + offset, bytes, len);
	lua_settop(L, 1);
	return 1;
}

/*** Submits the sample. BPF programs see it after those that were reserved before it.
@function user_ring_sample:submit
@treturn boolean true
@raise if the sample was submitted or discarded, or its ring buffer is closed
@see user_ring_buffer__submit
*/
static int sample_submit(lua_State *L)
{
	finish_sample(check_sample(L), true, "was submitted");
	lua_pushboolean(L, 1);
	return 1;
}

/*** Discards the sample: BPF programs skip it. A sample that is collected is discarded. Until then,
samples that were reserved after it have to wait.
@function user_ring_sample:discard
@treturn boolean true
@raise if the sample was submitted or discarded, or its ring buffer is closed
@see user_ring_buffer__discard
*/
static int sample_discard(lua_State *L)
{
	finish_sample(check_sample(L), false, "was discarded");
	lua_pushboolean(L, 1);
	return 1;
}

static int sample_close(lua_State *L)
{
	struct user_sample *s = sample_of(L);

	if (s->ring)
		finish_sample(s, false, "was discarded");
	return 0;
}

static int sample_gc(lua_State *L)
{
	struct user_sample *s = ((struct sample_handle *)class_retire(L, SAMPLE))->s;

	if (s && s->ring)
		finish_sample(s, false, "was discarded");
	free(s);
	return 0;
}

static int sample_tostring(lua_State *L)
{
	const struct user_sample *s = sample_of(L);

	if (s->ring)
		lua_pushfstring(L, "lbpf.user_ring_sample: %d bytes", (int)s->size);
	else
		lua_pushfstring(L, "lbpf.user_ring_sample (%s)", s->over);
	return 1;
}

static void open_samples(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"write", sample_write},
		{"submit", sample_submit},
		{"discard", sample_discard},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {
		{"__gc", sample_gc},
		{"__close", sample_close},
		{"__tostring", sample_tostring},
		{NULL, NULL},
	};

	class_new(L, SAMPLE, methods, meta);
}

/* The ring -------------------------------------------------------------------------------- */

/* Reserves a sample; NULL, with errno set, if there is no space before the timeout. */
static void *wait_for_space(lua_State *L, struct userring *r, __u32 size, int timeout)
{
	long end = clock_milliseconds() + timeout, left;
	lua_Hook hook = lua_gethook(L);
	void *data;

	do {
		left = timeout < 0 ? PATIENCE : end - clock_milliseconds();
		if (left < 0)
			left = 0;
		data = user_ring_buffer__reserve_blocking(r->rb, size,
							  left < PATIENCE ? (int)left : PATIENCE);
		if (data || (errno != ENOSPC && errno != EINTR))
			return data;
		/* The handler of a signal has set a hook: return, so that Lua runs it. The signal
		 * may also have come while libbpf did not wait.
		 */
		if (lua_gethook(L) && (errno == EINTR || lua_gethook(L) != hook)) {
			errno = EINTR;
			return NULL;
		}
		errno = ENOSPC;
	} while (timeout < 0 || left > 0);
	return NULL;
}

static __u32 check_sample_size(lua_State *L, int arg)
{
	return (__u32)value_check_int(L, arg, 0, SIZE_LIMIT);
}

/* Returns the sample on top of the stack if DATA was reserved for it. */
static int push_reserved(lua_State *L, struct userring *r, struct user_sample *s, void *data,
			 __u32 size, const char *operation)
{
	if (!data)
		return value_fail(L, errno, "%s: %d bytes", operation, (int)size);
	reserve(r, s, data, size);
	return 1;
}

/* Pushes a sample that is not reserved yet, and that keeps the ring at 1. */
static struct user_sample *push_sample(lua_State *L)
{
	struct sample_handle *h = class_push(L, SAMPLE, sizeof(*h), 0);
	struct user_sample *s = h->s = calloc(1, sizeof(*s));

	if (!s)
		luaL_error(L, "not enough memory");
	s->over = "was never reserved";
	class_env(L, -1);
	lua_pushvalue(L, 1);
	lua_setfield(L, -2, "ring");
	lua_pop(L, 1);
	return s;
}

/*** Reserves a sample, to be written and then submitted or discarded.
@function user_ring_buffer:reserve
@tparam integer size bytes, 0 to 2^30 - 1; with a header of 8 bytes it must fit into the ring
@treturn user_ring_sample
@fails ENOSPC if the ring is full now, E2BIG if the sample is too large for it
@see user_ring_buffer__reserve
*/
static int userring_reserve(lua_State *L)
{
	struct userring *r = check_userring(L);
	__u32 size = check_sample_size(L, 2);
	struct user_sample *s = push_sample(L);

	return push_reserved(L, r, s, user_ring_buffer__reserve(r->rb, size), size,
			     "user_ring_buffer: reserve");
}

/*** The same, but waits until BPF programs have drained enough.
@function user_ring_buffer:reserve_blocking
@tparam integer size bytes
@tparam ?integer timeout in milliseconds; nil or -1: without limit
@treturn user_ring_sample
@fails ENOSPC if there was not enough space before the timeout, E2BIG if the sample is too large for
the ring, EINTR if a signal arrived that Lua handles
@see user_ring_buffer__reserve_blocking
*/
static int userring_reserve_blocking(lua_State *L)
{
	struct userring *r = check_userring(L);
	__u32 size = check_sample_size(L, 2);
	int timeout = lua_isnoneornil(L, 3) ? -1 : (int)value_check_int(L, 3, -1, INT32_MAX);
	struct user_sample *s = push_sample(L);

	return push_reserved(L, r, s, wait_for_space(L, r, size, timeout), size,
			     "user_ring_buffer: reserve_blocking");
}

/* The sample at 2: bytes, or a value of the ring's type. */
static const char *check_value(lua_State *L, const struct userring *r, size_t *size)
{
	char *out;

	if (!r->type.codec || lua_type(L, 2) == LUA_TSTRING)
		return luaL_checklstring(L, 2, size);
	luaL_checkany(L, 2);
	class_env(L, 1);
	lua_getfield(L, -1, "names");
	codec_check_names(L, -1);
	*size = codec_encoded_size(L, r->type.codec, 2);
	out = compat_newuserdata(L, *size + 1);
	codec_encode(L, r->type.codec, lua_gettop(L) - 1, 2, out, *size, 2, NULL);
	return out;
}

/*** Reserves, writes and submits a sample.
@function user_ring_buffer:send
@param value its bytes, or a value of the type that the ring was created with
@tparam ?integer timeout to wait for space, in milliseconds; -1: without limit; nil: do not wait
@treturn user_ring_buffer itself
@fails as for `reserve` and `reserve_blocking`
@see user_ring_buffer__submit
*/
static int userring_send(lua_State *L)
{
	struct userring *r = check_userring(L);
	const char *bytes;
	size_t len = 0;
	void *data;

	lua_settop(L, 3);
	bytes = check_value(L, r, &len);

	luaL_argcheck(L, len <= SIZE_LIMIT, 2, "too large for a sample");
	if (lua_isnil(L, 3))
		data = user_ring_buffer__reserve(r->rb, (__u32)len);
	else
		data = wait_for_space(L, r, (__u32)len, (int)value_check_int(L, 3, -1, INT32_MAX));
	if (!data)
		return value_fail(L, errno, "user_ring_buffer: send: %d bytes", (int)len);
	memcpy(data, bytes, len);
	user_ring_buffer__submit(r->rb, data);
	lua_settop(L, 1);
	return 1;
}

/* Creating and closing --------------------------------------------------------------------- */

static void shut_userring(struct userring *r)
{
	while (r->reserved)
		finish_sample(r->reserved, false,
			      "was discarded when its user ring buffer was closed");
	if (r->rb)
		user_ring_buffer__free(r->rb);
	r->rb = NULL;
	endpoint_close(&r->map);
}

static int make_userring(struct userring *r, int fd)
{
	int err = endpoint_open(&r->map, fd, BPF_MAP_TYPE_USER_RINGBUF);

	if (err)
		return -err;
	r->rb = user_ring_buffer__new(r->map.fd, NULL);
	err = value_pointer_error(r->rb);
	if (err)
		r->rb = NULL;
	r->maker = process_self();
	return err;
}

/*** Sends samples to BPF programs, which receive them with bpf_user_ringbuf_drain(). It keeps the
map's object, as a ring buffer does, and stays usable when that is closed. After a fork, its methods
raise in the child while the parent runs; the child may close its copy and create another one, if
only one of the two sends.
@function user_ring_buffer
@tparam map|fd|integer map of type user_ringbuf, or a descriptor of one
@tparam ?table opts `type`: the name of the samples' type in BTF, to send tables; `enum_names`:
enums by name; `layout`, `btf`: where to look the type up, as for `ring_buffer`
@treturn user_ring_buffer
@failslog EINVAL for a map of another type, EBUSY if this process writes to the map already
@usage local commands = assert(lbpf.user_ring_buffer(object.maps.commands))
assert(commands:send("stop"))
@see user_ring_buffer__new
*/
static int userring_new(lua_State *L)
{
	int fd = endpoint_check(L, 1), err;
	static const struct field fields[] = {FIELD_BY_MODULE("type"), LAYOUT_FIELDS,
					      FIELD(struct codec_opts, enum_names, FIELD_BOOL),
					      FIELDS_END};
	struct eventtype_opts opts = {0};
	struct userring_handle *h;
	struct userring *r;
	struct frame f;

	lua_settop(L, 2);
	field_read(L, 2, fields, &opts);
	h = class_push(L, USERRING, sizeof(*h), 0);
	r = h->r = calloc(1, sizeof(*r));
	if (!r)
		luaL_error(L, "not enough memory");
	r->map.fd = -1;
	class_env(L, -1);
	eventtype_init(L, &r->type, 2, 1, 0, &opts);
	luaL_argcheck(L, !r->type.btf, 2, "option 'type' must be a name");
	lua_setfield(L, -2, "names");
	lua_pop(L, 1);
	frame_enter(L, &f, NULL, 0);
	err = make_userring(r, fd);
	frame_leave(&f);
	if (!err) {
		endpoint_keep(L, &r->map, 1);
		return 1;
	}
	shut_userring(r);
	return endpoint_fail(L, &f, 1, err, "user_ring_buffer");
}

/*** Closes the ring buffer. Reserved samples are discarded; submitted ones stay for BPF programs. A
second call has no effect.
@function user_ring_buffer:close
@treturn boolean true
@see user_ring_buffer__free
*/
static int userring_close(lua_State *L)
{
	shut_userring(((struct userring_handle *)class_check(L, 1, USERRING))->r);
	lua_pushboolean(L, 1);
	return 1;
}

static int userring_gc(lua_State *L)
{
	struct userring *r = ((struct userring_handle *)class_retire(L, USERRING))->r;

	if (!r)
		return 0;
	shut_userring(r);
	eventtype_free(&r->type);
	free(r);
	return 0;
}

static int userring_tostring(lua_State *L)
{
	const struct userring *r = ((struct userring_handle *)class_check(L, 1, USERRING))->r;

	lua_pushfstring(L, "%s%s", USERRING, r->rb ? "" : " (closed)");
	return 1;
}

void userring_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"reserve", userring_reserve},
		{"reserve_blocking", userring_reserve_blocking},
		{"send", userring_send},
		{"close", userring_close},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {
		{"__gc", userring_gc},
		{"__close", userring_close},
		{"__tostring", userring_tostring},
		{NULL, NULL},
	};
	class_new(L, USERRING, methods, meta);
	open_samples(L);
	lua_pushcfunction(L, userring_new);
	lua_setfield(L, -2, "user_ring_buffer");
}
