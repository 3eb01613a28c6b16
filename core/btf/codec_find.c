/* Types by their names, of which there may be several. */
#include "btf/btf.h"
#include "btf/codec.h"
#include "btf/codec_plan.h"

#include "base/nearest.h"
#include "base/value.h"
#include <string.h>

struct search {
	const struct btf *btf;
	const char *name;
	uint32_t kinds; /* a bit for each that counts */
	uint32_t found[CANDIDATES_MAX];
	uint32_t n;
};

#define KIND(kind) (UINT32_C(1) << (kind))

static const uint32_t structs = KIND(BTF_KIND_STRUCT), unions = KIND(BTF_KIND_UNION),
		      enums = KIND(BTF_KIND_ENUM) | KIND(BTF_KIND_ENUM64),
		      plain = KIND(BTF_KIND_INT) | KIND(BTF_KIND_FLOAT) | KIND(BTF_KIND_TYPEDEF);

/* Strips "struct " and its like, which say what kinds count. */
static void read_prefix(struct search *s)
{
	static const struct {
		const char *prefix;
		const uint32_t *kinds;
	} prefixes[] = {{"struct ", &structs}, {"union ", &unions}, {"enum ", &enums}};

	s->kinds = structs | unions | enums | plain;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t len = strlen(prefixes[i].prefix);

		if (strncmp(s->name, prefixes[i].prefix, len) != 0)
			continue;
		s->name += len;
		s->kinds = *prefixes[i].kinds;
	}
}

static bool same_step(const struct step *a, const struct step *b)
{
	return a->kind == b->kind && a->is_signed == b->is_signed && a->bits == b->bits &&
	       a->shift == b->shift && a->offset == b->offset && a->size == b->size &&
	       a->count == b->count && a->kind != STEP_ENUM &&
	       (a->name == b->name || (a->name && b->name && strcmp(a->name, b->name) == 0));
}

/* Are two types the same for whoever reads values of them? */
static bool same_type(const struct btf *btf, uint32_t a, uint32_t b)
{
	struct plan p, q;
	bool same;

	if (btf__resolve_type(btf, a) == btf__resolve_type(btf, b))
		return true;
	if (plan_compile(&p, btf, a, NULL))
		return false;
	if (plan_compile(&q, btf, b, NULL)) {
		plan_free(&p);
		return false;
	}
	same = p.n == q.n && p.size == q.size;
	for (uint32_t i = 0; same && i < p.n; i++)
		same = same_step(&p.steps[i], &q.steps[i]);
	plan_free(&p);
	plan_free(&q);
	return same;
}

static void find_all(struct search *s)
{
	for (uint32_t id = 1; id < btf__type_cnt(s->btf) && s->n < CANDIDATES_MAX; id++) {
		const struct btf_type *t = btf__type_by_id(s->btf, id);
		const char *name = btf__name_by_offset(s->btf, t->name_off);
		bool is_new = name && s->kinds & KIND(btf_kind(t)) && strcmp(name, s->name) == 0;

		for (uint32_t i = 0; is_new && i < s->n; i++)
			is_new = !same_type(s->btf, s->found[i], id);
		if (is_new)
			s->found[s->n++] = id;
	}
}

/* Pushes how a person tells it from others: "7 (struct, 24 bytes: ns, pid, ...)". */
static void push_candidate(lua_State *L, const struct btf *btf, uint32_t id)
{
	static const char *const kinds[] = {
		[BTF_KIND_STRUCT] = "struct",   [BTF_KIND_UNION] = "union",
		[BTF_KIND_ENUM] = "enum",       [BTF_KIND_ENUM64] = "enum",
		[BTF_KIND_INT] = "integer",     [BTF_KIND_FLOAT] = "float",
		[BTF_KIND_TYPEDEF] = "typedef",
	};
	const struct btf_type *t = btf__type_by_id(btf, id);
	int top = lua_gettop(L);

	lua_pushfstring(L, "%d (%s, %d bytes", (int)id, kinds[btf_kind(t)],
			(int)btf__resolve_size(btf, id));
	for (uint32_t i = 0; btf_is_composite(t) && i < btf_vlen(t) && i < 4; i++)
		lua_pushfstring(L, "%s%s", i ? ", " : ": ",
				i == 3 ? "..."
				       : btf__name_by_offset(btf, btf_members(t)[i].name_off));
	lua_pushliteral(L, ")");
	lua_concat(L, lua_gettop(L) - top);
}

static void push_ambiguous(lua_State *L, const struct search *s, const char *name)
{
	int top = lua_gettop(L);

	luaL_checkstack(L, 2 * CANDIDATES_MAX + 8, "too many types");
	lua_pushfstring(L, "there are %d types '%s': ", (int)s->n, name);
	for (uint32_t i = 0; i < s->n; i++) {
		lua_pushstring(L, i ? "; " : "");
		push_candidate(L, s->btf, s->found[i]);
	}
	lua_pushliteral(L, ". Give the number of one as the type");
	lua_concat(L, lua_gettop(L) - top);
}

/* Compilers leave out the types of what only a program's code uses. */
static void push_missing(lua_State *L, const struct search *s, const char *name)
{
	const char *tag = strchr(name, ' ') ? "" : "struct ";
	struct nearest near = {.wanted = s->name};

	for (uint32_t id = 1; id < btf__type_cnt(s->btf); id++) {
		const struct btf_type *t = btf__type_by_id(s->btf, id);

		if (s->kinds & KIND(btf_kind(t)))
			nearest_add(&near, btf__name_by_offset(s->btf, t->name_off));
	}
	lua_pushfstring(
		L,
		"no type '%s'; there are: %s. Compilers leave out the types of what only "
		"the code of a program uses: declare it here, layout = \"%s%s { ... }\", or "
		"give btf = that of an object that has it, or add to the program: const "
		"%s%s *unused __attribute__((unused));",
		name, nearest_push(L, &near), tag, name, tag, name);
	lua_remove(L, -2);
}

static uint32_t find_numbered_type(lua_State *L, const struct btf *btf, int idx)
{
	uint64_t id;

	if (value_to_u64(L, idx, &id) && id > 0 && id < btf__type_cnt(btf) &&
	    btf__resolve_size(btf, (uint32_t)id) >= 0)
		return (uint32_t)id;
	lua_pushfstring(L, "there is no type with a size that has the number %s",
			value_show(L, idx));
	return 0;
}

static uint32_t find_named_type(lua_State *L, const struct btf *btf, const char *name)
{
	struct search s = {.btf = btf, .name = name};

	read_prefix(&s);
	find_all(&s);
	if (s.n == 1)
		return s.found[0];
	if (s.n)
		push_ambiguous(L, &s, name);
	else
		push_missing(L, &s, name);
	return 0;
}

uint32_t codec_find_type(lua_State *L, const struct btf *btf, struct owner *owner, int idx)
{
	uint32_t type = 0;

	btf_require_sound(L, owner);
	btf_begin_read(owner);
	if (lua_type(L, idx) == LUA_TNUMBER)
		type = find_numbered_type(L, btf, idx);
	else if (lua_type(L, idx) == LUA_TSTRING)
		type = find_named_type(L, btf, lua_tostring(L, idx));
	else
		lua_pushfstring(L, "expected the name or number of a type, got %s",
				luaL_typename(L, idx));
	btf_end_read(owner);
	return type;
}
