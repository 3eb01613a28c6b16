/* Differences between versions of Lua and libbpf; no other file depends on them.
 *
 * The code is written for Lua 5.4's C API. What an older Lua lacks is defined here under its 5.4
 * name. A build with 5.1 headers uses nothing that only LuaJIT has, so that the same file runs in
 * PUC Lua 5.1, LuaJIT and OpenResty's luajit2.
 */
#ifndef LBPF_BASE_COMPAT_H
#define LBPF_BASE_COMPAT_H

#include <bpf/libbpf.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/libbpf_version.h>

/* Do the headers of this build have what libbpf MAJOR.MINOR added? */
#define LBPF_HEADERS(major, minor)                                                                 \
	(LIBBPF_MAJOR_VERSION > (major) ||                                                         \
	 (LIBBPF_MAJOR_VERSION == (major) && LIBBPF_MINOR_VERSION >= (minor)))

/* The same as 1 or 0, for macros that choose by it: LBPF_HEADERS_1_4. */
#if LBPF_HEADERS(1, 2)
#define LBPF_HEADERS_1_2 1
#else
#define LBPF_HEADERS_1_2 0
#endif
#if LBPF_HEADERS(1, 3)
#define LBPF_HEADERS_1_3 1
#else
#define LBPF_HEADERS_1_3 0
#endif
#if LBPF_HEADERS(1, 4)
#define LBPF_HEADERS_1_4 1
#else
#define LBPF_HEADERS_1_4 0
#endif
#if LBPF_HEADERS(1, 5)
#define LBPF_HEADERS_1_5 1
#else
#define LBPF_HEADERS_1_5 0
#endif
#if LBPF_HEADERS(1, 6)
#define LBPF_HEADERS_1_6 1
#else
#define LBPF_HEADERS_1_6 0
#endif
#if LBPF_HEADERS(1, 7)
#define LBPF_HEADERS_1_7 1
#else
#define LBPF_HEADERS_1_7 0
#endif

/* Does the libbpf that this process runs with have it? It may be older than the headers. */
static inline bool compat_libbpf(unsigned major, unsigned minor)
{
	unsigned has = libbpf_major_version();

	return has > major || (has == major && libbpf_minor_version() >= minor);
}

/* As Lua's, which calls a function "?" that was called by pcall(). */
int compat_argerror(lua_State *L, int arg, const char *message);
#define luaL_argerror compat_argerror

/* The type of LuaJIT's 64-bit integers (cdata), defined only in its own headers. */
#define LBPF_TCDATA 10

#if LUA_VERSION_NUM < 504
#define LUA_GNAME "_G"
#endif

#if LUA_VERSION_NUM == 501

#define lua_rawlen lua_objlen

static inline int compat_absindex(lua_State *L, int idx)
{
	return idx < 0 && idx > LUA_REGISTRYINDEX ? lua_gettop(L) + idx + 1 : idx;
}
#define lua_absindex compat_absindex

/* The environment of a userdata serves as its uservalue. It is the creator's by default: set it. */
static inline void compat_getuservalue(lua_State *L, int idx)
{
	lua_getfenv(L, idx);
}

static inline void compat_setuservalue(lua_State *L, int idx)
{
	lua_setfenv(L, idx);
}

static inline void compat_setfuncs(lua_State *L, const luaL_Reg *l, int nup)
{
	(void)nup; /* always 0 */
	for (; l->name; l++) {
		lua_pushcfunction(L, l->func);
		lua_setfield(L, -2, l->name);
	}
}
#define luaL_setfuncs compat_setfuncs

#else

static inline void compat_getuservalue(lua_State *L, int idx)
{
#if LUA_VERSION_NUM >= 504
	lua_getiuservalue(L, idx, 1);
#else
	lua_getuservalue(L, idx);
#endif
}

static inline void compat_setuservalue(lua_State *L, int idx)
{
#if LUA_VERSION_NUM >= 504
	lua_setiuservalue(L, idx, 1);
#else
	lua_setuservalue(L, idx);
#endif
}

#endif

static inline void *compat_newuserdata(lua_State *L, size_t size)
{
#if LUA_VERSION_NUM >= 504
	return lua_newuserdatauv(L, size, 1);
#else
	return lua_newuserdata(L, size);
#endif
}

/* Tables with lightuserdata keys: the address of a C variable or of a libbpf structure. Reading
 * does not allocate.
 */
static inline void compat_rawgetp(lua_State *L, int idx, const void *key)
{
#if LUA_VERSION_NUM >= 502
	lua_rawgetp(L, idx, key);
#else
	idx = lua_absindex(L, idx);
	lua_pushlightuserdata(L, (void *)key);
	lua_rawget(L, idx);
#endif
}

static inline void compat_rawsetp(lua_State *L, int idx, const void *key)
{
	idx = lua_absindex(L, idx);
	lua_pushlightuserdata(L, (void *)key);
	lua_insert(L, -2);
	lua_rawset(L, idx);
}

#endif
