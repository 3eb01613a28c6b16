/* Two macros for functions of libbpf that only read one value, or that set one value and may fail.
 * Any other function is written out.
 */
#ifndef LBPF_BASE_BIND_H
#define LBPF_BASE_BIND_H

#include "base/frame.h"
#include "base/value.h"
#include <string.h>

/* A call on one part of an object. */
struct bound {
	const char *operation; /* "set_key_size" */
	struct owner *owner;
	const char *kind, *name; /* "map", "counts"; CHECK sets owner, kind and name */
	struct frame frame;
};

/* FUNCTION(part): pushes GET(part). CHECK(L) returns the part at 1. */
#define BIND_GETTER(function, check, get, push)                                                    \
	static int function(lua_State *L)                                                          \
	{                                                                                          \
		push(L, get(check(L)));                                                            \
		return 1;                                                                          \
	}

/* FUNCTION(part, value): calls SET(part, value), which returns 0 or an error. READ(L, 2) reads the
 * value before CHECK(L, &bound) checks the part at 1, because reading may run the script's code.
 */
#define BIND_SETTER(function, set, part, check, type, read)                                        \
	static int function(lua_State *L)                                                          \
	{                                                                                          \
		struct bound b = {.operation = bind_operation(#set)};                              \
		type value = read(L, 2);                                                           \
		part *self = check(L, &b);                                                         \
                                                                                                   \
		frame_enter(L, &b.frame, b.owner, 0);                                              \
		return bind_end(L, &b, set(self, value));                                          \
	}

/* The name in Lua of "bpf_map__set_key_size". */
static inline const char *bind_operation(const char *symbol)
{
	return strstr(symbol, "__") + 2;
}

/* Leaves the frame. Returns the part itself, or nil, message, errno, log. */
static inline int bind_end(lua_State *L, struct bound *b, int ret)
{
	int err = ret ? value_errno(ret) : 0;

	frame_leave(&b->frame);
	if (err)
		return value_fail_logged(L, &b->frame, err, "%s: %s '%s'", b->operation, b->kind,
					 b->name);
	lua_settop(L, 1);
	return 1;
}

/* Reads a 32-bit unsigned integer. */
static inline uint32_t bind_u32(lua_State *L, int arg)
{
	return (uint32_t)value_check_int(L, arg, 0, UINT32_MAX);
}

static inline bool bind_bool(lua_State *L, int arg)
{
	luaL_checktype(L, arg, LUA_TBOOLEAN);
	return lua_toboolean(L, arg);
}

#endif
