#include "event/aggregate.h"

#include "base/class.h"
#include "base/field.h"
#include "base/value.h"
#include "event/tally.h"
#include <stdlib.h>
#include <string.h>

/*** @module lbpf */
/*** Events that are counted and added up without a call of Lua
@section aggregate
*/

static const char AGGREGATE[] = "lbpf.aggregate";

/* In a handle's uservalue: the names of the fields, keys first, and the handle of their codec. */
enum { NAMES = 1, CODEC };

/* So many groups, unless the script says how many. */
#define MAX_ENTRIES  4096
#define MOST_ENTRIES (1 << 24)

static const char *const operations[] = {
	[SUM] = "sum", [AVG] = "avg", [MIN] = "min", [MAX] = "max", [HIST] = "hist",
};

struct aggregate {
	unsigned refs;
	struct codec *codec; /* of the fields; NULL: no buffer has it yet */
	bool numbers;        /* as the codec */
	struct tally tally;
};

struct aggregate_handle {
	struct aggregate *a;
};

struct aggregate *aggregate_ref(struct aggregate *a)
{
	a->refs++;
	return a;
}

void aggregate_unref(struct aggregate *a)
{
	if (--a->refs)
		return;
	if (a->codec)
		codec_unref(a->codec);
	tally_free(&a->tally);
	free(a);
}

struct aggregate *aggregate_test(lua_State *L, int idx)
{
	const struct aggregate_handle *h = class_test(L, idx, AGGREGATE);

	return h ? h->a : NULL;
}

static struct aggregate *check_aggregate(lua_State *L)
{
	struct aggregate *a = ((struct aggregate_handle *)class_check(L, 1, AGGREGATE))->a;

	if (!a)
		luaL_error(L, "the aggregate was not made");
	return a;
}

bool aggregate_has_fields(const struct aggregate *a)
{
	return a->tally.n_keys + a->tally.n_cells > 0;
}

void aggregate_add(struct aggregate *a, const char *data, size_t size)
{
	tally_add(&a->tally, data, size);
}

/* Declaring ------------------------------------------------------------------------------- */

static void *need_memory(lua_State *L, size_t n, size_t size)
{
	void *memory = calloc(n ? n : 1, size);

	if (!memory)
		luaL_error(L, "not enough memory");
	return memory;
}

/* Pushes the list that is option OPTION, of one if that is a name, and returns how long it is. */
static uint32_t push_names(lua_State *L, const char *option)
{
	lua_newtable(L);
	lua_getfield(L, 1, option);
	if (lua_isstring(L, -1)) {
		lua_rawseti(L, -2, 1);
		return 1;
	}
	if (!lua_isnil(L, -1)) {
		if (!lua_istable(L, -1))
			luaL_argerror(
				L, 1,
				lua_pushfstring(L, "option '%s' must be a name or a list of names",
						option));
		lua_insert(L, -2);
	}
	lua_pop(L, 1);
	return (uint32_t)lua_rawlen(L, -1);
}

/* Appends the names that option OPTION has to the list at NAMES; returns how many. */
static uint32_t append_names(lua_State *L, int names, const char *option)
{
	int first = (int)lua_rawlen(L, names);
	uint32_t n = push_names(L, option);

	luaL_argcheck(L, (uint32_t)first + n <= 100, 1, "more than 100 names");
	for (int i = 1; i <= (int)n; i++) {
		lua_rawgeti(L, -1, i);
		if (lua_type(L, -1) != LUA_TSTRING)
			luaL_argerror(L, 1,
				      lua_pushfstring(L, "option '%s': expected names, got %s",
						      option, value_show(L, -1)));
		lua_rawseti(L, names, first + i);
	}
	lua_pop(L, 1);
	return n;
}

/*** Declares a consumer that counts events by fields of theirs, and adds up others, without a call
of Lua for each. `lbpf.ring_buffer` and `lbpf.perf_buffer` take it in place of a function, or a list
of several; `poll` and `consume` add the events to it. It may be given to several buffers whose
events have the same fields.
@function aggregate
@tparam ?table opts `by`: the field by whose values events are grouped, or a list of them: integers,
enums, booleans, strings; without it there is one group. `sum`, `avg`, `min`, `max`, `hist`: an
integer, or a list of them. Sums have 64 bits and wrap around. `max_entries`: how many groups there
may be, 4096 unless given; events of further groups are dropped, and counted as such
@treturn aggregate
@raise if an option is invalid
@usage local by_comm = lbpf.aggregate {by = "comm", sum = "bytes"}
local ring = assert(lbpf.ring_buffer(object.maps.events, by_comm, {type = "event"}))
ring:poll(1000)
for _, row in ipairs(by_comm:rows()) do
  print(row[1], row.count, row.sum.bytes)
end
@see ring_buffer__new
*/
static int aggregate_new(lua_State *L)
{
	static const struct field fields[] = {
		FIELD_BY_MODULE("by"),
		FIELD_BY_MODULE("sum"),
		FIELD_BY_MODULE("avg"),
		FIELD_BY_MODULE("min"),
		FIELD_BY_MODULE("max"),
		FIELD_BY_MODULE("hist"),
		FIELD(struct groups, max_entries, FIELD_U32),
		FIELDS_END,
	};
	struct groups groups = {.max_entries = MAX_ENTRIES, .all_words = 1};
	struct aggregate_handle *h;
	uint32_t n[OPERATIONS];
	struct tally *t;

	lua_settop(L, 1);
	field_read(L, 1, fields, &groups);
	luaL_argcheck(L, groups.max_entries >= 1 && groups.max_entries <= MOST_ENTRIES, 1,
		      "option 'max_entries' must be from 1 to 16777216");
	h = class_push(L, AGGREGATE, sizeof(*h), 0);
	h->a = need_memory(L, 1, sizeof(*h->a));
	h->a->refs = 1;
	t = &h->a->tally;
	t->groups = groups;
	class_env(L, 2);
	lua_newtable(L);
	lua_pushvalue(L, 4);
	lua_rawseti(L, 3, NAMES);
	if (lua_istable(L, 1))
		t->n_keys = append_names(L, 4, "by");
	for (int i = 0; i < OPERATIONS; i++)
		n[i] = lua_istable(L, 1) ? append_names(L, 4, operations[i]) : 0;
	t->fields = need_memory(L, lua_rawlen(L, 4), sizeof(*t->fields));
	t->cells = need_memory(L, lua_rawlen(L, 4), sizeof(*t->cells));
	for (int i = 0; i < OPERATIONS; i++)
		for (; n[i] > 0; n[i]--)
			tally_add_cell(t, (enum operation)i);
	if (!aggregate_has_fields(h->a) && !tally_begin(t))
		luaL_error(L, "not enough memory");
	lua_settop(L, 2);
	return 1;
}

/* Finding the fields ---------------------------------------------------------------------- */

/* The I-th field, whose name is in the list at NAMES. */
static struct tally_field find_field(lua_State *L, const struct codec *c, uint32_t i, bool is_key,
				     int names)
{
	const struct plan_part *part = codec_field(c, i);
	const struct step *s = part->step;
	bool is_integer = s->kind <= STEP_SIGNED || s->kind == STEP_ENUM;
	bool fits = is_key ? s->kind < STEP_STRUCT && s->kind != STEP_FLOAT : is_integer;

	if (!fits || part->count || part->may_lack || s->is_flexible || s->bits) {
		lua_rawgeti(L, names, (int)i + 1);
		luaL_error(L,
			   "an aggregate cannot use field %s: it must be an integer%s, and no "
			   "bit field",
			   value_show(L, -1),
			   is_key ? ", a boolean or a string of a fixed size" : "");
	}
	return (struct tally_field){.kind = s->kind,
				    .is_whole = s->is_whole,
				    .is_signed = s->is_signed || s->kind == STEP_SIGNED,
				    .offset = part->offset,
				    .size = s->size};
}

static bool same_field(const struct tally_field *a, const struct tally_field *b)
{
	return a->kind == b->kind && a->is_whole == b->is_whole && a->is_signed == b->is_signed &&
	       a->offset == b->offset && a->size == b->size;
}

static bool overlap(const struct tally_field *a, const struct tally_field *b)
{
	return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* Of two keys that are members of a union rows() could not tell both. */
static void check_overlaps(lua_State *L, const struct tally *t)
{
	for (uint32_t i = 0; i < t->n_keys; i++)
		for (uint32_t j = 0; j < i; j++)
			if (overlap(&t->fields[i], &t->fields[j]))
				luaL_error(L, "two fields of an aggregate's 'by' share bytes");
}

/* Sets the fields of all fields, or checks that they are where they were. */
static void bind_fields(lua_State *L, struct aggregate *a, const struct codec *c, int names)
{
	struct tally *t = &a->tally;

	for (uint32_t i = 0; i < t->n_keys + t->n_cells; i++) {
		struct tally_field field = find_field(L, c, i, i < t->n_keys, names);

		if (a->codec && !same_field(&field, &t->fields[i]))
			luaL_error(L,
				   "the aggregate has events already whose fields lie elsewhere");
		t->fields[i] = field;
	}
	check_overlaps(L, t);
}

struct codec *aggregate_bind(lua_State *L, int idx, const struct btf *btf, struct owner *owner,
			     uint32_t type, const struct codec_opts *opts)
{
	struct aggregate *a = aggregate_test(L, idx);
	int top = lua_gettop(L), env = top + 1, names = top + 2;
	struct codec *c;

	class_env(L, idx);
	lua_rawgeti(L, env, NAMES);
	lua_pushvalue(L, names);
	lua_setfield(L, opts->arg, "fields");
	c = codec_push(L, btf, owner, type, opts);
	if (!c)
		luaL_error(L, "the events' type has no form");
	if (codec_values(c) != (int)(a->tally.n_keys + a->tally.n_cells) || !codec_field(c, 0))
		luaL_error(L, "the names of an aggregate's fields are gone");
	bind_fields(L, a, c, names);
	if (!a->codec) {
		lua_rawseti(L, env, CODEC);
		if (!tally_begin(&a->tally))
			luaL_error(L, "not enough memory");
		a->numbers = opts->numbers;
		a->codec = codec_ref(c);
	}
	lua_settop(L, top);
	return a->codec;
}

/* What is known ---------------------------------------------------------------------------- */

/* As a field of SIZE bytes. */
static void push_total(lua_State *L, const struct aggregate *a, uint64_t value, uint32_t size,
		       bool is_signed)
{
	if (size <= 4 && is_signed)
		lua_pushinteger(L, (lua_Integer)(int64_t)value);
	else if (size <= 4)
		value_push_u32(L, (uint32_t)value);
	else if (a->numbers && LUA_VERSION_NUM < 503)
		lua_pushnumber(L, is_signed ? (lua_Number)(int64_t)value : (lua_Number)value);
	else if (is_signed)
		value_push_s64(L, (int64_t)value);
	else
		value_push_u64(L, value);
}

static void push_count(lua_State *L, uint64_t n)
{
	if (LUA_VERSION_NUM >= 503)
		lua_pushinteger(L, (lua_Integer)n);
	else
		lua_pushnumber(L, (lua_Number)n);
}

static void push_histogram(lua_State *L, const uint64_t *counts)
{
	lua_newtable(L);
	for (int i = 0; i < BUCKETS; i++)
		if (counts[i]) {
			push_count(L, counts[i]);
			lua_rawseti(L, -2, i - 1);
		}
}

static void push_cell(lua_State *L, const struct aggregate *a, uint32_t i, const uint64_t *state)
{
	const struct cell *c = &a->tally.cells[i];
	const struct tally_field *p = &a->tally.fields[a->tally.n_keys + i];
	uint64_t value = state[c->word];

	if (c->operation == HIST)
		push_histogram(L, state + c->word);
	else if (c->operation == AVG)
		lua_pushnumber(L, (p->is_signed ? (lua_Number)(int64_t)value : (lua_Number)value) /
					  (lua_Number)state[0]);
	else
		push_total(L, a, value, c->operation == SUM ? 8 : p->size, p->is_signed);
}

/* The stack of rows(): the list, the fields' names, those of the codec, and two pieces of memory: a
 * copy of a group, for a finalizer may add events or remove all, and an event with the group's key.
 */
enum { ROWS = 2, FIELDS, CODEC_NAMES, GROUP, EVENT };

/* Sets the first elements of the table on top to the key's values. */
static void set_keys(lua_State *L, const struct aggregate *a, const uint64_t *key)
{
	const struct tally *t = &a->tally;
	char *event = lua_touserdata(L, EVENT);
	int row = lua_gettop(L);

	for (uint32_t i = 0; i < t->n_keys; i++) {
		memcpy(event + t->fields[i].offset, key, t->fields[i].size);
		key += field_words(&t->fields[i]);
	}
	luaL_checkstack(L, codec_values(a->codec) + LUA_MINSTACK, "too many fields");
	codec_decode(L, a->codec, CODEC_NAMES, event, codec_size(a->codec));
	lua_settop(L, row + (int)t->n_keys); /* what follows is of the cells */
	for (int i = (int)t->n_keys; i > 0; i--)
		lua_rawseti(L, row, i);
}

/* Sets the I-th cell's value in the table on top: row.sum.bytes, for example. */
static void set_cell(lua_State *L, const struct aggregate *a, uint32_t i, const uint64_t *state)
{
	const char *operation = operations[a->tally.cells[i].operation];

	lua_getfield(L, -1, operation);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, operation);
	}
	lua_rawgeti(L, FIELDS, (int)(a->tally.n_keys + i + 1));
	if (lua_isnil(L, -1))
		luaL_error(L, "the names of an aggregate's fields are gone");
	push_cell(L, a, i, state);
	lua_rawset(L, -3);
	lua_pop(L, 1);
}

static void push_row(lua_State *L, const struct aggregate *a, const uint64_t *group)
{
	const struct tally *t = &a->tally;
	const uint64_t *state = group + t->groups.key_words;

	lua_createtable(L, (int)t->n_keys, 2);
	if (t->n_keys)
		set_keys(L, a, group);
	push_count(L, state[0]);
	lua_setfield(L, -2, "count");
	for (uint32_t i = 0; i < t->n_cells; i++)
		set_cell(L, a, i, state);
}

static void *push_zeros(lua_State *L, size_t size)
{
	return memset(compat_newuserdata(L, size + 1), 0, size);
}

/* Pushes the names of the codec, or nil. */
static void push_codec_names(lua_State *L, const struct aggregate *a, int env)
{
	lua_rawgeti(L, env, CODEC);
	if (!a->codec)
		return;
	codec_check(L, -1);
	class_env(L, -1);
	codec_check_names(L, -1);
	lua_remove(L, -2);
}

/*** What is known of the events: a list with a table for each group, in the order in which these
appeared. In it are the values of the fields in `by`, at 1, 2 ...; `count`: how many events; and for
each operation a table by field: `row.sum.bytes`. A histogram has the counts of values by powers of
2: `row.hist.bytes[n]` is that of values from 2^(n-1) to below 2^n, zeros are at 0, negative values
at -1; `text.buckets` and `text.histogram` show it. Where Lua has no integers of 64 bits, sums are
as events' fields of that size.
@function aggregate:rows
@treturn table the list
@usage local text = require "lbpf.text"
local sizes = lbpf.aggregate {hist = "bytes"}
local ring = assert(lbpf.ring_buffer(object.maps.events, sizes, {type = "event"}))
ring:poll(1000)
for _, row in ipairs(sizes:rows()) do
  print(text.histogram(text.buckets(row.hist.bytes, text.log2_range)))
end
*/
static int aggregate_rows(lua_State *L)
{
	struct aggregate *a = check_aggregate(L);
	const struct groups *g = &a->tally.groups;
	size_t size = g->all_words * sizeof(uint64_t);
	bool is_bound = a->codec || !aggregate_has_fields(a);

	lua_settop(L, 1);
	lua_newtable(L);
	if (!is_bound)
		return 1;
	class_env(L, 1);
	push_codec_names(L, a, 3);
	lua_rawgeti(L, 3, NAMES);
	codec_check_names(L, -1);
	lua_replace(L, FIELDS);
	push_zeros(L, size);
	push_zeros(L, a->codec ? codec_size(a->codec) : 0);
	for (uint32_t i = 0; i < g->n; i++) {
		uint64_t *group = lua_touserdata(L, GROUP);

		memcpy(group, groups_at(g, i), size);
		push_row(L, a, group);
		lua_rawseti(L, ROWS, (int)i + 1);
	}
	lua_settop(L, ROWS);
	return 1;
}

/*** Forgets all events.
@function aggregate:reset
@treturn boolean true
*/
static int aggregate_reset(lua_State *L)
{
	tally_clear(&check_aggregate(L)->tally);
	lua_pushboolean(L, 1);
	return 1;
}

/*** Returns counters, which begin with the declaration or with `reset`.
@function aggregate:stats
@treturn table `events`: how many came; `dropped`: how many of these belong to no group, for there
were `max_entries` already, or not enough memory; `entries`: how many groups there are
@usage local by_comm = lbpf.aggregate {by = "comm"}
local ring = assert(lbpf.ring_buffer(object.maps.events, by_comm, {type = "event"}))
ring:poll(0)
print(by_comm:stats().events)
by_comm:reset() -- counts from zero again
*/
static int aggregate_stats(lua_State *L)
{
	const struct tally *t = &check_aggregate(L)->tally;

	lua_newtable(L);
	push_count(L, (uint64_t)t->events);
	lua_setfield(L, -2, "events");
	push_count(L, (uint64_t)t->dropped);
	lua_setfield(L, -2, "dropped");
	push_count(L, (uint64_t)t->groups.n);
	lua_setfield(L, -2, "entries");
	return 1;
}

static int aggregate_gc(lua_State *L)
{
	struct aggregate_handle *h = class_retire(L, AGGREGATE);

	if (h->a)
		aggregate_unref(h->a);
	return 0;
}

void aggregate_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"rows", aggregate_rows},
		{"reset", aggregate_reset},
		{"stats", aggregate_stats},
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {{"__gc", aggregate_gc}, {NULL, NULL}};

	class_new(L, AGGREGATE, methods, meta);
	lua_pushcfunction(L, aggregate_new);
	lua_setfield(L, -2, "aggregate");
}
