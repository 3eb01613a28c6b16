/* A program that exports functions of its own with names of libbpf's, as PowerDNS's dnsdist does,
 * and embeds Lua: replaces SCRIPT. The script finds them in `called`, a function: how often they
 * were.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stddef.h>
#include <stdio.h>

/* The arguments are those that libbpf's had in 2014. */
int bpf_prog_load(int type, const void *insns, int length, const char *license, int version);
int bpf_map_update_elem(int fd, void *key, void *value, unsigned long long flags);

static int calls;

int bpf_prog_load(int type, const void *insns, int length, const char *license, int version)
{
	(void)insns;
	(void)license;
	calls++;
	return -(type + length + version);
}

int bpf_map_update_elem(int fd, void *key, void *value, unsigned long long flags)
{
	(void)key;
	(void)value;
	(void)flags;
	calls++;
	return fd;
}

static int called(lua_State *L)
{
	lua_pushinteger(L, calls);
	return 1;
}

int main(int argc, char **argv)
{
	lua_State *L = luaL_newstate();
	int failed;

	if (argc != 2 || !L)
		return 2;
	luaL_openlibs(L);
	lua_pushcfunction(L, called);
	lua_setglobal(L, "called");
	failed = luaL_loadfile(L, argv[1]) || lua_pcall(L, 0, 0, 0);
	if (failed)
		fprintf(stderr, "%s\n", lua_tostring(L, -1) ? lua_tostring(L, -1) : "an error");
	lua_close(L);
	return failed;
}
