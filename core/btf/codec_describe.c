/* A plan as a table, for code generators. */
#include "btf/codec.h"
#include "btf/codec_internal.h"

static void set_number(lua_State *L, const char *name, uint32_t value)
{
	lua_pushnumber(L, (lua_Number)value);
	lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, name);
}

static const char *kind_of(const struct step *s)
{
	static const char *const kinds[] = {
		[STEP_UNSIGNED] = "unsigned", [STEP_SIGNED] = "signed", [STEP_BOOL] = "bool",
		[STEP_FLOAT] = "float",       [STEP_ENUM] = "enum",     [STEP_STRING] = "string",
		[STEP_BYTES] = "bytes",       [STEP_STRUCT] = "struct", [STEP_ARRAY] = "array",
		[STEP_PADDING] = "padding",
	};

	return kinds[s->kind];
}

/* OFFSET is the step's, from the start of the whole, or of the element of an array. Of a structure
 * all members are told, then its padding.
 */
static void describe_step(lua_State *L, const struct step *s, uint32_t offset)
{
	int i = 0;

	luaL_checkstack(L, 6, "a type is nested too deep");
	lua_newtable(L);
	lua_pushstring(L, kind_of(s));
	lua_setfield(L, -2, "kind");
	set_number(L, "offset", offset);
	set_number(L, "size", s->size);
	set_number(L, "bits", s->bits);
	set_number(L, "shift", s->shift);
	set_number(L, "count", s->count);
	set_flag(L, "is_signed", s->is_signed);
	set_flag(L, "any_sign", s->any_sign);
	set_flag(L, "is_integer", s->is_integer);
	set_flag(L, "is_union", s->is_union);
	set_flag(L, "is_lossy", s->is_lossy);
	set_flag(L, "is_whole", s->is_whole);
	set_flag(L, "is_flexible", s->is_flexible);
	lua_pushstring(L, s->name);
	lua_setfield(L, -2, "name");
	for (const struct step *m = s + 1; m < step_end(s); m += m->span) {
		describe_step(L, m, s->kind == STEP_ARRAY ? 0 : offset + m->offset);
		lua_rawseti(L, -2, ++i);
	}
}

void codec_describe(lua_State *L, const struct codec *c)
{
	lua_newtable(L);
	set_number(L, "size", c->plan.size);
	set_number(L, "least", c->least);
	set_flag(L, "numbers", c->numbers);
	set_flag(L, "enum_names", c->enum_names);
	set_flag(L, "whole", !c->parts);
	origin_push_all(L);
	lua_setfield(L, -2, "origins");
	if (!c->parts) {
		describe_step(L, c->plan.steps, 0);
		lua_rawseti(L, -2, 1);
	}
	for (size_t i = 0; i < c->n_parts; i++) {
		const struct plan_part *part = &c->parts[i];

		describe_step(L, part->step, part->offset);
		set_flag(L, "may_lack", part->may_lack);
		if (part->count) {
			describe_step(L, part->count, part->count_offset);
			lua_setfield(L, -2, "limit");
		}
		lua_rawseti(L, -2, (int)i + 1);
	}
}
