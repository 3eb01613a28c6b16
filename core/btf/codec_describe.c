/* A plan as a table, for code generators. */
#include "btf/codec.h"
#include "btf/codec_internal.h"

static void set_number(lua_State *L, const char *name, uint32_t value)
{
	lua_pushnumber(L, (lua_Number)value);
	lua_setfield(L, -2, name);
}

/* BASE is added to the step's offset. */
static void describe_step(lua_State *L, const struct codec *c, const struct step *s, uint32_t base)
{
	static const char *const kinds[] = {
		[STEP_UNSIGNED] = "unsigned", [STEP_SIGNED] = "signed", [STEP_BOOL] = "bool",
		[STEP_FLOAT] = "float",       [STEP_ENUM] = "enum",     [STEP_STRING] = "string",
		[STEP_BYTES] = "bytes",       [STEP_STRUCT] = "struct", [STEP_ARRAY] = "array",
	};
	const struct step *m = s + 1;

	luaL_checkstack(L, 6, "a type is nested too deep");
	lua_newtable(L);
	lua_pushstring(L, kinds[s->kind]);
	lua_setfield(L, -2, "kind");
	set_number(L, "offset", base + s->offset);
	set_number(L, "size", s->size);
	set_number(L, "bits", s->bits);
	set_number(L, "count", s->count);
	lua_pushboolean(L, s->is_signed);
	lua_setfield(L, -2, "is_signed");
	lua_pushstring(L, s->name);
	lua_setfield(L, -2, "name");
	if (s->kind == STEP_ARRAY) {
		describe_step(L, c, m, 0);
		lua_rawseti(L, -2, 1);
	}
	for (uint32_t i = 0; s->kind == STEP_STRUCT && i < s->count; i++, m += m->span) {
		describe_step(L, c, m, base);
		lua_rawseti(L, -2, (int)i + 1);
	}
}

void codec_describe(lua_State *L, const struct codec *c)
{
	lua_newtable(L);
	set_number(L, "size", c->plan.size);
	lua_pushboolean(L, c->numbers);
	lua_setfield(L, -2, "numbers");
	lua_pushboolean(L, c->enum_names);
	lua_setfield(L, -2, "enum_names");
	lua_pushboolean(L, !c->parts);
	lua_setfield(L, -2, "whole");
	if (!c->parts) {
		describe_step(L, c, c->plan.steps, 0);
		lua_rawseti(L, -2, 1);
	}
	for (size_t i = 0; i < c->n_parts; i++) {
		describe_step(L, c, c->parts[i].step, c->parts[i].base);
		lua_rawseti(L, -2, (int)i + 1);
	}
}
