/* libbpf always gets the raw callback, whose result can stop it, so that memory is limited. */
#include "event/perfbuf.h"

#include "base/field.h"
#include "base/frame.h"
#include "base/value.h"
#include "event/batch.h"
#include "event/buffer.h"
#include "event/columns.h"
#include "event/endpoint.h"
#include "event/jit_events.h"
#include "event/perf.h"
#include "event/perfcpus.h"
#include "event/perfmem.h"
#include "event/type.h"
#include "map/map.h"
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <unistd.h>

/*** @module lbpf */
/*** Perf buffers
@section perf_buffers
@usage local buffer = assert(lbpf.perf_buffer(object.maps.samples, 8, function(bytes, cpu)
  print(cpu, #bytes)
end, function(lost, cpu)
  print(cpu, "lost", lost)
end))
for i = 0, buffer:buffer_cnt() - 1 do
  buffer:consume_buffer(i)
  print(buffer:buffer_fd(i), #buffer:buffer(i))
end
print(buffer:stats().lost)
*/

enum { EVENT = 1, LOST }; /* the functions' places in the list */

struct rings {
	struct dependent dependent; /* on a list: so this is C's memory, not a userdata */
	struct owner *owner;        /* the map's object, or NULL */
	struct perf_buffer *pb;     /* NULL once closed */
	struct perfmem memory;
	struct endpoint map;
	struct perf_buffer_raw_opts opts;
	struct batch_wait wait;
};

struct perfbuf {
	struct batch batch;  /* first; its owner is the map's object, or NULL */
	struct rings *rings; /* NULL: there was no memory */
	struct eventtype type;
	bool is_raw, has_lost;
	int first; /* begin with this buffer */
	struct batch_counters delivered;
	uint64_t lost;
};

struct perf_sample {
	struct perf_event_header header;
	__u32 size;
	char data[];
};

struct lost {
	struct perf_event_header header;
	__u64 id, count;
};

/* Copying and delivering ------------------------------------------------------------------ */

static void copy_sample(struct perfbuf *p, int cpu, const struct perf_sample *s)
{
	struct batch *b = &p->batch;

	if (s->header.size < sizeof(*s) || s->size > s->header.size - sizeof(*s)) {
		b->err = -EBADMSG;
		b->stopped = true;
		return;
	}
	if (eventtype_aggregate(&p->type, s->data, s->size)) {
		batch_pass(b, s->size);
		return;
	}
	batch_copy(b, 0, cpu, s->data, s->size);
}

/* libbpf's callback. DONE ends the reading of this CPU's buffer after this record. */
static enum bpf_perf_event_ret on_record(void *ctx, int cpu, struct perf_event_header *header)
{
	struct perfbuf *p = ctx;
	struct batch *b = &p->batch;

	if (header->type == PERF_RECORD_LOST)
		p->lost += ((const struct lost *)header)->count;
	if (p->is_raw)
		batch_copy(b, 0, cpu, header, header->size);
	else if (header->type == PERF_RECORD_SAMPLE)
		copy_sample(p, cpu, (const struct perf_sample *)header);
	else if (header->type == PERF_RECORD_LOST && p->has_lost)
		batch_copy(b, BATCH_NEWS, cpu, &((const struct lost *)header)->count,
			   sizeof(__u64));
	return b->stopped ? LIBBPF_PERF_EVENT_DONE : LIBBPF_PERF_EVENT_CONT;
}

/* Like perf_buffer__consume(), but stops when the batch is full, and continues with the next buffer
 * in the next call, so that a flood of events on one CPU does not block the others. */
static int consume_all(struct perfbuf *p)
{
	int n = (int)perf_buffer__buffer_cnt(p->rings->pb), ret;

	for (int i = 0; i < n; i++) {
		ret = perf_buffer__consume_buffer(p->rings->pb, (size_t)p->first);
		p->first = (p->first + 1) % n;
		if (ret || p->batch.stopped)
			return ret;
	}
	return 0;
}

/* What has come is looked for first: a descriptor of the kernel's tells once that something has, to
 * whoever waits on it, and that may have been an event loop. */
static int consume_perfbuf(struct batch *b, int timeout)
{
	struct perfbuf *p = (struct perfbuf *)b;
	int ret;

	if (b->only >= 0)
		return perf_buffer__consume_buffer(p->rings->pb, (size_t)b->only);
	ret = consume_all(p);
	if (ret || b->cursor.used > 0 || timeout == 0)
		return ret;
	return perf_buffer__poll(p->rings->pb, timeout);
}

static int push_record(lua_State *L, struct batch *b, const struct batch_event *e,
		       const struct batch_places *at)
{
	struct perfbuf *p = (struct perfbuf *)b;
	int values = 1;

	if (e->is_news)
		lua_pushinteger(L, (lua_Integer) * (const __u64 *)e->data);
	else
		values = eventtype_push(L, &p->type, b, at, e->data, e->size);
	lua_pushinteger(L, e->cpu);
	return values + 1;
}

static bool wrap_perf_next(lua_State *L, const struct batch *b, const struct batch_places *at,
			   int slow)
{
	return eventtype_wrap_next(L, &((const struct perfbuf *)b)->type, at, slow, "next_cpu");
}

/* The last list has the CPUs. */
static int perf_columns(const struct batch *b, const struct batch_event *e)
{
	int columns = eventtype_columns(&((const struct perfbuf *)b)->type, e->size);

	return columns ? columns + 1 : 0;
}

static int perfbuf_epoll_fd(const struct batch *b)
{
	const struct rings *r = ((const struct perfbuf *)b)->rings;

	return r && r->pb ? perf_buffer__epoll_fd(r->pb) : -1;
}

static void check_process(lua_State *L, struct batch *b)
{
	perfmem_check(L, &((struct perfbuf *)b)->rings->memory);
}

static void shut_rings(struct rings *r)
{
	if (r->pb && r->owner)
		dependent_leave(&r->dependent);
	perfmem_free(&r->memory);
	r->pb = NULL;
	endpoint_close(&r->map);
	perfcpus_free(&r->opts);
	batch_wait_close(&r->wait);
}

static void shut_perfbuf(struct batch *b)
{
	struct rings *r = ((struct perfbuf *)b)->rings;

	if (r)
		shut_rings(r);
	batch_close(b);
}

static const struct batch_kind kind = {
	.name = "perf buffer",
	.function = "perf_buffer",
	.tells_once = true,
	.news = LOST,
	.consume = consume_perfbuf,
	.push = push_record,
	.wrap = wrap_perf_next,
	.columns = perf_columns,
	.deliver_columns = columns_deliver,
	.epoll_fd = perfbuf_epoll_fd,
	.check = check_process,
	.shut = shut_perfbuf,
};

static struct perfbuf *check_perfbuf(lua_State *L)
{
	return (struct perfbuf *)buffer_check(L, PERFBUF);
}

/* The index of one CPU's buffer, at 2. */
static int check_index(lua_State *L, const struct perfbuf *p)
{
	return (int)value_check_int(L, 2, 0, (int64_t)perf_buffer__buffer_cnt(p->rings->pb) - 1);
}

/*** Calls the function for the events in one CPU's buffer, after those of any CPU that were read
but not delivered.
@function perf_buffer:consume_buffer
@tparam integer index from 0 to `buffer_cnt` - 1
@treturn integer how many events were delivered
@fails
@see perf_buffer__consume_buffer
*/
static int perfbuf_consume_buffer(lua_State *L)
{
	struct perfbuf *p = check_perfbuf(L);

	return batch_take(L, &p->batch, check_index(L, p), 0, SIZE_MAX);
}

/* Its buffers ----------------------------------------------------------------------------- */

/*** The number of buffers: one for each online CPU, or for each of option `cpus`.
@function perf_buffer:buffer_cnt
@treturn integer
@see perf_buffer__buffer_cnt
*/
static int perfbuf_buffer_cnt(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)perf_buffer__buffer_cnt(check_perfbuf(L)->rings->pb));
	return 1;
}

/*** The descriptor of the perf event behind one CPU's buffer. The perf buffer owns it.
@function perf_buffer:buffer_fd
@tparam integer index from 0 to `buffer_cnt` - 1
@treturn integer a descriptor
@see perf_buffer__buffer_fd
*/
static int perfbuf_buffer_fd(lua_State *L)
{
	const struct perfbuf *p = check_perfbuf(L);

	lua_pushinteger(L, perf_buffer__buffer_fd(p->rings->pb, (size_t)check_index(L, p)));
	return 1;
}

/*** Copies the memory to which the kernel writes one CPU's events.
@function perf_buffer:buffer
@tparam integer index from 0 to `buffer_cnt` - 1
@treturn string a page with struct perf_event_mmap_page, and the pages of the records
@see perf_buffer__buffer
*/
static int perfbuf_buffer(lua_State *L)
{
	const struct perfbuf *p = check_perfbuf(L);
	size_t size;
	const void *base = perfmem_at(&p->rings->memory, check_index(L, p), &size);

	lua_pushlstring(L, base, size);
	return 1;
}

/*** Returns counters.
@function perf_buffer:stats
@treturn table `events` and `bytes`: delivered; `lost`: events that did not fit into the buffer;
`waiting`: about how many bytes of records are not delivered yet
@see perf_buffer__buffer
*/
static int perfbuf_stats(lua_State *L)
{
	struct perfbuf *p = check_perfbuf(L);
	size_t waiting = batch_waiting(&p->batch, p->is_raw ? 0 : sizeof(struct perf_sample));

	for (int i = 0, n = (int)perf_buffer__buffer_cnt(p->rings->pb); i < n; i++) {
		size_t size;
		const struct perf_event_mmap_page *page = perfmem_at(&p->rings->memory, i, &size);

		waiting += __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE) - page->data_tail;
	}
	batch_count(&p->batch);
	batch_push_stats(L, &p->delivered, waiting);
	lua_pushinteger(L, (lua_Integer)p->lost);
	lua_setfield(L, -2, "lost");
	return 1;
}

/* Creating -------------------------------------------------------------------------------- */

static void shut_with_object(struct dependent *d)
{
	shut_rings((struct rings *)((char *)d - offsetof(struct rings, dependent)));
}

/* Pushes a perf buffer that is not open yet, for the map at 1 and the functions at EVENT_ARG and
 * LOST_ARG. */
static struct perfbuf *push_new(lua_State *L, int event_arg, int lost_arg)
{
	int args[] = {[EVENT] = event_arg, [LOST] = lost_arg};
	struct perfbuf *p = class_push(L, PERFBUF, sizeof(*p), 0);
	struct rings *r = p->rings = calloc(1, sizeof(*r));

	batch_init(&p->batch, &kind, r ? &r->wait : NULL);
	p->batch.function = EVENT;
	p->batch.delivered = &p->delivered;
	if (!r)
		luaL_error(L, "not enough memory");
	r->map.fd = -1;
	r->opts.sz = sizeof(r->opts);
	r->dependent.shut = shut_with_object;
	class_env(L, -1);
	for (int i = EVENT; i <= LOST; i++) {
		if (!args[i] || lua_isnil(L, args[i])) {
			lua_pushboolean(L, 0);
		} else {
			lua_pushvalue(L, args[i]);
		}
		lua_rawseti(L, -2, i);
	}
	lua_pop(L, 1);
	p->has_lost = lost_arg && lua_isfunction(L, lost_arg);
	return p;
}

static int make_perfbuf(struct perfbuf *p, int fd, size_t pages, struct perf_event_attr *attr)
{
	struct rings *r = p->rings;
	int err;

	r->map.keys = r->opts.map_keys;
	r->map.key_cnt = r->opts.cpu_cnt;
	err = endpoint_open(&r->map, fd, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	if (err)
		return -err;
	r->pb = perf_buffer__new_raw(r->map.fd, pages, attr, on_record, p, &r->opts);
	err = value_pointer_error(r->pb);
	r->pb = err ? NULL : r->pb;
	if (err)
		return err;
	if (r->owner)
		dependent_join(&r->dependent, r->owner);
	perfmem_own(&r->memory, r->pb, r->map.fd);
	p->batch.capacity = perf_buffer__buffer_cnt(r->pb) * pages * (size_t)getpagesize();
	return 0;
}

static int open_buffer(lua_State *L, struct perfbuf *p, struct perf_event_attr *attr,
		       const char *operation)
{
	size_t pages = (size_t)value_check_int(L, 2, 1, 1 << 20);
	int fd = endpoint_check(L, 1), err;
	struct owner *owner = map_owner(L, 1);
	struct frame f;

	luaL_argcheck(L, (pages & (pages - 1)) == 0, 2,
		      "the number of pages must be a power of two");
	frame_enter(L, &f, owner, 0);
	if (owner)
		p->batch.owner = p->rings->owner = owner_ref(owner);
	err = make_perfbuf(p, fd, pages, attr);
	frame_leave(&f);
	if (!err)
		return 1;
	shut_perfbuf(&p->batch);
	return endpoint_fail(L, &f, 1, err, operation);
}

struct plain_opts {
	struct eventtype_opts event; /* first */
	__u32 sample_period;
};

/*** Reads the perf buffers of a BPF map, one ring for each CPU. It is closed with the map's object.
After a fork, its methods raise in the child, and `buffer:close` there does not affect the
parent. Once the parent has ended, as that of a server that goes to the background, the child owns
it.
@function perf_buffer
@tparam map|fd|integer map of type perf_event_array, or a descriptor of one
@tparam integer page_cnt the size of each ring in pages, a power of two
@tparam ?function|aggregate|table fn called with each event (its bytes, or what `opts` says) and the
CPU, or what adds them up, as for `ring_buffer`; if it returns false, the call that delivers ends.
The kernel pads the bytes, by up to 7, to 4 less than a multiple of
 8. Without a function use `buffer:next` or `buffer:events`
@tparam ?function lost_fn called with the number of lost events and the CPU
@tparam ?table opts `sample_period`: wake up after so many events on a CPU, instead of 1; `type`,
 `fields`, `layout`, `btf`, `bytes`, `enum_names`, `numbers`, `reuse`, `batch`: as for
`ring_buffer`; with `batch` the last list has the CPUs
@treturn perf_buffer
@failslog EINVAL for a map of another type, EBUSY if this process reads the map already
@usage local buffer = assert(lbpf.perf_buffer(object.maps.samples, 8, function(bytes, cpu)
  print(#bytes, cpu)
end, function(lost, cpu)
  print(lost, "events lost on CPU", cpu)
end))
buffer:poll(200)
@see perf_buffer__new
*/
static int perfbuf_new(lua_State *L)
{
	static const struct field fields[] = {
		EVENTTYPE_FIELDS,
		FIELD(struct plain_opts, sample_period, FIELD_U32),
		FIELDS_END,
	};
	struct plain_opts opts = {0};
	struct perfbuf *p;
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW,
	};

	lua_settop(L, 5);
	if (!lua_isnil(L, 4))
		luaL_checktype(L, 4, LUA_TFUNCTION);
	field_read(L, 5, fields, &opts);
	attr.wakeup_events = opts.sample_period ? opts.sample_period : 1;
	p = push_new(L, 3, 4);
	class_env(L, -1);
	eventtype_init(L, &p->type, 5, 1, 3, &opts.event);
	lua_rawseti(L, -2, -EVENT);
	p->batch.passes = p->type.aggregates != NULL;
	if (!p->type.btf && !p->type.columns && !p->type.aggregates) {
		jit_events_add(L, &p->batch, EVENT, p->type.codec, true);
		eventtype_wrap(L, &p->type, EVENT, "event_cpu");
	}
	lua_pop(L, 1);
	return open_buffer(L, p, &attr, "perf_buffer");
}

/*** Reads the perf buffers of a BPF map as records, with a perf event that the script describes.
@function perf_buffer_raw
@tparam map|fd|integer map of type perf_event_array, or a descriptor of one
@tparam integer page_cnt the size of each ring in pages, a power of two
@tparam table attr fields of struct perf_event_attr, as for `perf_event_open`; for output of BPF
 programs, type 1 (software) and config 10 (BPF output)
@tparam ?function fn called with each record and the CPU. A record is a string that starts with
struct perf_event_header, of any type that the attributes ask for. If it returns false, the call
that delivers ends
@tparam ?table opts `cpus`: a list of CPUs to read; `map_keys`: a list of the map's keys for them;
 `cpu_cnt`: how many of these to use. Without them all CPUs, with their numbers as keys
@treturn perf_buffer
@failslog EINVAL for a map of another type, EBUSY if this process reads one of the keys already
@usage local SOFTWARE, BPF_OUTPUT, RAW = 1, 10, 0x400
local attr = {type = SOFTWARE, config = BPF_OUTPUT, sample_type = RAW, wakeup_events = 1}
local buffer = assert(lbpf.perf_buffer_raw(object.maps.samples, 8, attr, function(record, cpu)
  print(cpu, #record)
end))
buffer:poll(0)
@see perf_buffer__new_raw
*/
static int perfbuf_new_raw(lua_State *L)
{
	struct perf_event_attr attr;
	struct perfbuf *p;

	lua_settop(L, 5);
	if (!lua_isnil(L, 4))
		luaL_checktype(L, 4, LUA_TFUNCTION);
	perf_check_attr(L, 3, &attr);
	p = push_new(L, 4, 0);
	p->is_raw = true;
	perfcpus_read(L, 5, &p->rings->opts);
	return open_buffer(L, p, &attr, "perf_buffer_raw");
}

static int perfbuf_gc(lua_State *L)
{
	struct perfbuf *p = class_retire(L, PERFBUF);

	shut_perfbuf(&p->batch);
	free(p->rings);
	p->batch.wait = NULL;
	eventtype_free(&p->type); /* not before: see ring_map_unref() */
	batch_free(&p->batch);
	if (p->batch.owner)
		owner_unref(p->batch.owner);
	return 0;
}

void perfbuf_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"perf_buffer", perfbuf_new}, {"perf_buffer_raw", perfbuf_new_raw}, {NULL, NULL}};
	static const luaL_Reg methods[] = {
		{"consume_buffer", perfbuf_consume_buffer},
		{"buffer_cnt", perfbuf_buffer_cnt},
		{"buffer_fd", perfbuf_buffer_fd},
		{"buffer", perfbuf_buffer},
		{"stats", perfbuf_stats},
		{NULL, NULL},
	};

	buffer_class_new(L, PERFBUF, methods, perfbuf_gc);
	luaL_setfuncs(L, functions, 0);
}
