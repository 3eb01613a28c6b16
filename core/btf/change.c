#include "btf/change.h"

#include "base/deep.h"
#include "base/field.h"
#include "base/value.h"
#include "btf/btf.h"
#include "btf/ext.h"
#include <errno.h>
#include <string.h>

/*** @module lbpf */
/*** Changing BTF as a whole
@section types_changed
@usage local file = assert(lbpf.btf_parse("trace.bpf.o"))
local btf = assert(lbpf.btf_new_empty())
assert(btf:add_btf(file))
local id = assert(btf:add_type(file, file:find_by_name("event")))
print(btf:type_by_id(id).name, btf:find_str("event") == btf:add_str("event"))
assert(btf:dedup())
print(btf:type_cnt(), file:type_cnt())
*/

#if LBPF_HEADERS(1, 5)
#pragma weak btf__distill_base
#pragma weak btf__relocate
#endif
#if LBPF_HEADERS(1, 7)
#pragma weak btf__permute
#endif

/* Strings --------------------------------------------------------------------------------- */

static const char *check_text(lua_State *L, int arg)
{
	size_t len;
	const char *text = luaL_checklstring(L, arg, &len);

	luaL_argcheck(L, strlen(text) == len, arg, "a string in BTF has no zero bytes");
	return text;
}

/*** Adds a string, unless the BTF has it already.
@function btf:add_str
@tparam string text
@treturn integer its offset, see `btf:str_by_offset`
@fails
@raise while there is a dump of it or BTF on top of it; if it is an object's
@see btf__add_str
*/
static int add_str(lua_State *L)
{
	const char *text = check_text(L, 2);
	struct owner *b = btf_check_mine(L, 1, "add_str");
	int offset = btf__add_str(btf_of(b), text);

	if (offset < 0)
		return value_fail(L, value_errno(offset), "add_str");
	lua_pushinteger(L, offset);
	return 1;
}

/*** Looks for a string.
@function btf:find_str
@tparam string text
@treturn ?integer its offset; nil if the BTF does not have it
@raise while there is a dump of it or BTF on top of it; if it is an object's: libbpf makes an index
@see btf__find_str
*/
static int find_str(lua_State *L)
{
	const char *text = check_text(L, 2);
	struct owner *b = btf_check_mine(L, 1, "find_str");
	int offset = btf__find_str(btf_of(b), text);

	if (offset < 0)
		return value_none(L);
	lua_pushinteger(L, offset);
	return 1;
}

/* Copies ---------------------------------------------------------------------------------- */

/* Argument 2: valid BTF, and not TO or its base, whose memory libbpf would move while it reads it.
 */
static struct owner *check_other(lua_State *L, struct owner *to)
{
	struct owner *from = btf_check_sound(L, 2);
	const struct btf *its = btf_of(to);

	for (; its; its = btf__base_btf(its))
		if (its == btf_of(from))
			luaL_argerror(L, 2, "these are its own types");
	return from;
}

/*** Adds a copy of a type from other BTF. The ids in it are not changed, and the types that it
refers to are not copied.
@function btf:add_type
@tparam btf from
@tparam integer id of the type in that
@treturn integer id of the copy
@fails
@raise while there is a dump of it or BTF on top of it; if it is an object's
@see btf__add_type
*/
static int add_type(lua_State *L)
{
	struct owner *b = btf_check_mine(L, 1, "add_type"), *from = check_other(L, b);
	__u32 id = btf_check_id(L, 3, from);
	int ret;

	luaL_argcheck(L, id > 0, 3, "0 is void, which all BTF has");
	btf_change(L, 1, "add_type");
	ret = btf__add_type(btf_of(b), btf_of(from), btf__type_by_id(btf_of(from), id));
	if (ret < 0)
		return value_fail(L, value_errno(ret), "add_type %u of '%s'", id, from->name);
	lua_pushinteger(L, ret);
	return 1;
}

/*** Adds copies of all types of other BTF. The copies have new ids.
@function btf:add_btf
@tparam btf from without a base; with libbpf 1.7 or newer it may have the same base
@treturn integer id of the first copy
@fails
@raise while there is a dump of it or BTF on top of it; if it is an object's
@see btf__add_btf
*/
static int add_btf(lua_State *L)
{
	struct owner *b = btf_check_mine(L, 1, "add_btf"), *from = check_other(L, b);
	int ret;

	btf_change(L, 1, "add_btf");
	ret = btf__add_btf(btf_of(b), btf_of(from));
	if (ret < 0)
		return value_fail(L, value_errno(ret), "add_btf of '%s'", from->name);
	lua_pushinteger(L, ret);
	return 1;
}

/* All types at once ------------------------------------------------------------------------- */

/* How much stack a level of libbpf's recursion takes at most. It follows pointers from one
 * structure to the next, so it may be as deep as there are types.
 */
#define LEVEL 512

struct job {
	struct btf *btf;
	struct btf_ext *ext;
	bool force_collisions;
	struct btf *new_base, *new_split;
	int err;
};

static void dedup(void *arg)
{
	struct job *job = arg;
	struct btf_dedup_opts opts = {
		.sz = sizeof(opts), .btf_ext = job->ext, .force_collisions = job->force_collisions};
	int ret = btf__dedup(job->btf, &opts);

	job->err = ret ? value_errno(ret) : 0;
}

/* Option `btf_ext` of the table at ARG, which must refer to BTF; or NULL. */
static struct owner *check_ext(lua_State *L, int arg, struct owner *b, const char *operation)
{
	struct owner *ext;

	if (lua_isnoneornil(L, arg))
		return NULL;
	lua_getfield(L, arg, "btf_ext");
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return NULL;
	}
	ext = ext_check(L, lua_gettop(L));
	owner_check_idle(L, ext, operation);
	luaL_argcheck(L, ext_fits(ext, btf_of(b)), arg,
		      "option 'btf_ext' refers to other BTF, or has another byte order");
	return ext;
}

/* Does the work with enough stack for libbpf's recursion. Returns true, or pushes nil, message,
 * errno.
 */
static bool run_job(lua_State *L, struct owner *b, struct job *job, void (*fn)(void *),
		    const char *operation)
{
	struct frame f;
	int err;

	btf_enter(L, &f, b, b);
	err = deep_call(fn, job, (size_t)LEVEL * btf__type_cnt(job->btf));
	btf_leave(&f, b);
	if (!err)
		err = job->err;
	if (err)
		value_fail(L, err, "%s: BTF '%s'", operation, b->name);
	return !err;
}

/*** Removes duplicate types and strings. Type ids change. If it fails, some may have been removed.
@function btf:dedup
@tparam ?table opts `btf_ext`: a `btf_ext_new` of the same types, whose ids are changed as well;
 `force_collisions` (boolean): for libbpf's own tests
@treturn btf itself
@fails
@raise while there is a dump of it or BTF on top of it; if it is an object's
@see btf__dedup
*/
static int btf_dedup(lua_State *L)
{
	static const struct field fields[] = {FIELD_BY_MODULE("btf_ext"),
					      FIELD(struct job, force_collisions, FIELD_BOOL),
					      FIELDS_END};
	struct owner *b = btf_check_mine(L, 1, "dedup"), *ext;
	struct job job = {.btf = btf_of(b)};

	lua_settop(L, 2);
	field_read(L, 2, fields, &job);
	btf_require_sound(L, b);
	ext = check_ext(L, 2, b, "dedup");
	job.ext = ext ? ext_of(ext) : NULL;
	btf_change(L, 1, "dedup");
	if (!run_job(L, b, &job, dedup, "dedup"))
		return 3;
	lua_settop(L, 1);
	return 1;
}

#if LBPF_HEADERS(1, 7)
static int permute_by(lua_State *L)
{
	struct btf_permute_opts opts = {.sz = sizeof(opts)};
	static const struct field fields[] = {FIELD_BY_MODULE("btf_ext"), FIELDS_END};
	struct owner *b = btf_check_mine(L, 1, "permute"), *ext;
	const struct btf *base = btf__base_btf(btf_of(b));
	__u32 first = base ? btf__type_cnt(base) : 1, n = btf__type_cnt(btf_of(b)) - first;
	__u32 *map;
	int ret;

	luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 3);
	field_read(L, 3, fields, &opts);
	luaL_argcheck(L, lua_rawlen(L, 2) == n, 2, "expected an id for each type");
	map = compat_newuserdata(L, (n + 1) * sizeof(*map));
	map[0] = 0; /* void, which counts only in BTF without a base */
	for (__u32 i = 1; i <= n; i++) {
		lua_rawgeti(L, 2, (int)i);
		map[i] = (__u32)value_check_int(L, -1, first, first + n - 1LL);
		lua_pop(L, 1);
	}
	btf_require_sound(L, b);
	ext = check_ext(L, 3, b, "permute");
	opts.btf_ext = ext ? ext_of(ext) : NULL;
	btf_change(L, 1, "permute");
	ret = base ? btf__permute(btf_of(b), map + 1, n, &opts)
		   : btf__permute(btf_of(b), map, n + 1, &opts);
	if (ret)
		return value_fail(L, value_errno(ret), "permute: BTF '%s'", b->name);
	lua_settop(L, 1);
	return 1;
}
#endif

/*** Puts the types in another order.
@function btf:permute
@tparam {integer,...} ids the new id of each type, without those of the base
@tparam ?table opts `btf_ext`: a `btf_ext_new` of the same types, whose ids are changed as well
@treturn btf itself
@fails EINVAL if an id is given twice, EOPNOTSUPP before libbpf 1.7
@raise while there is a dump of it or BTF on top of it; if it is an object's
@needs libbpf 1.7
@usage local btf = assert(lbpf.btf_new_empty())
btf:add_int("int", 4, "signed")
btf:add_int("long", 8, "signed")
assert(btf:permute({2, 1}))
@see btf__permute
*/
static int permute(lua_State *L)
{
#if LBPF_HEADERS(1, 7)
	if (compat_libbpf(1, 7))
		return permute_by(L);
#endif
	return value_needs_libbpf(L, "btf:permute", 1, 7);
}

#if LBPF_HEADERS(1, 5)
static void distill(void *arg)
{
	struct job *job = arg;
	int ret = btf__distill_base(job->btf, &job->new_base, &job->new_split);

	job->err = ret ? value_errno(ret) : 0;
}

static int distill_by(lua_State *L)
{
	struct owner *b = btf_check(L, 1), *base, *split;
	struct job job = {.btf = btf_of(b)};
	bool ok;

	luaL_argcheck(L, btf__base_btf(job.btf), 1, "it has no base");
	lua_settop(L, 1);
	base = btf_push(L, "distilled base", 0);
	split = btf_push(L, b->name, 2);
	btf_require_sound(L, b);
	ok = run_job(L, b, &job, distill, "distill_base");
	btf_fill(base, job.new_base);
	btf_fill(split, job.new_split);
	return ok ? 2 : 3;
}

static int relocate_by(lua_State *L)
{
	struct owner *b = btf_check_mine(L, 1, "relocate"), *base = btf_check_sound(L, 2);
	struct frame f;
	int err;

	luaL_argcheck(L, btf__base_btf(btf_of(b)), 1, "it has no base");
	luaL_argcheck(L, !btf__base_btf(btf_of(base)), 2, "it has a base itself");
	btf_require_sound(L, b);
	btf_change(L, 1, "relocate");
	btf_enter(L, &f, b, b);
	err = btf__relocate(btf_of(b), btf_of(base));
	btf_leave(&f, b);
	if (err)
		return value_fail_logged(L, &f, value_errno(err), "relocate: BTF '%s'", b->name);
	btf_rebase(L, 1, 2);
	lua_settop(L, 1);
	return 1;
}
#endif

/*** Makes a small base, with only those types of the BTF's base that it refers to, and a copy of
the BTF on top of that. `btf:relocate` can then put it on another kernel's types.
@function btf:distill_base
@treturn btf the small base
@treturn btf the copy on top of it
@fails EOPNOTSUPP before libbpf 1.5
@needs libbpf 1.5
@usage local kernel = assert(lbpf.btf_load_vmlinux_btf())
local module = assert(lbpf.btf_new_empty(kernel))
module:add_ptr(assert(kernel:find_by_name_kind("task_struct", "struct")))
local base, distilled = assert(module:distill_base())
print(base:type_cnt(), distilled:type_cnt())
assert(distilled:relocate(kernel))
@see btf__distill_base
*/
static int distill_base(lua_State *L)
{
#if LBPF_HEADERS(1, 5)
	if (compat_libbpf(1, 5))
		return distill_by(L);
#endif
	return value_needs_libbpf(L, "btf:distill_base", 1, 5);
}

/*** Puts BTF with a distilled base on another base.
@function btf:relocate
@tparam btf base
@treturn btf itself
@fails EINVAL if the base lacks a type, EOPNOTSUPP before libbpf 1.5
@raise while there is a dump of it or BTF on top of it; if it is an object's
@see btf__relocate
*/
static int relocate(lua_State *L)
{
#if LBPF_HEADERS(1, 5)
	if (compat_libbpf(1, 5))
		return relocate_by(L);
#endif
	return value_needs_libbpf(L, "btf:relocate", 1, 5);
}

void btfchange_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"add_str", add_str},           {"find_str", find_str}, {"add_type", add_type},
		{"add_btf", add_btf},           {"dedup", btf_dedup},   {"permute", permute},
		{"distill_base", distill_base}, {"relocate", relocate}, {NULL, NULL},
	};

	btf_add_methods(L, methods);
}
