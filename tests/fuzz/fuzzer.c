/* What libFuzzer calls: a Lua state with lbpf, whose function is that of the file FUZZ_TARGET. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int luaopen_lbpf_core(lua_State *L);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lua_State *L;

/* libFuzzer keeps an input that reaches a new line of our Lua code, as one that reaches new C code.
 */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t lines[8192];

static void count_line(lua_State *state, lua_Debug *at)
{
	unsigned hash;

	lua_getinfo(state, "Sl", at);
	hash = (unsigned)at->currentline;
	for (const char *c = at->source; *c; c++)
		hash = hash * 31 + (unsigned char)*c;
	lines[hash % sizeof(lines)]++;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *target = getenv("FUZZ_TARGET");

	(void)argc;
	(void)argv;
	L = luaL_newstate();
	luaL_openlibs(L);
	luaL_requiref(L, "lbpf.core", luaopen_lbpf_core, 0);
	if (!target || luaL_dofile(L, target) || !lua_isfunction(L, -1)) {
		fprintf(stderr, "no target: %s\n", target ? lua_tostring(L, -1) : "FUZZ_TARGET");
		exit(2);
	}
	lua_sethook(L, count_line, LUA_MASKLINE, 0);
	return 0;
}

/* An error is a result like any other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned n;

	lua_pushvalue(L, -1);
	lua_pushlstring(L, (const char *)data, size);
	if (lua_pcall(L, 1, 0, 0))
		lua_pop(L, 1);
	if (++n % 64 == 0)
		lua_gc(L, LUA_GCCOLLECT, 0);
	return 0;
}
