#include "base/value.h"

#include "base/frame.h"
#include "base/hint.h"
#include <errno.h>
#include <lualib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Integers ------------------------------------------------------------------------------- */

/* The string at IDX. */
static bool parse_u64(lua_State *L, int idx, uint64_t *value)
{
	size_t len, rest;
	const char *text = lua_tolstring(L, idx, &len);
	bool negative = *text == '-';
	const char *digits = text + negative;
	char *end;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	*value = strtoull(digits, &end, digits[0] == '0' && (digits[1] | 32) == 'x' ? 16 : 10);
	if (errno)
		return false;
	if (negative) {
		if (*value > (uint64_t)INT64_MAX + 1)
			return false;
		*value = -*value;
	}
	rest = (size_t)(text + len - end);
	/* LuaJIT prints its 64-bit integers with a suffix. */
	return rest == 0 || (rest == 2 && memcmp(end, "LL", 2) == 0) ||
	       (rest == 3 && memcmp(end, "ULL", 3) == 0);
}

static bool from_number(lua_Number n, uint64_t *value)
{
	if (n >= -0x1p63 && n < 0) {
		*value = (uint64_t)(int64_t)n;
		return (lua_Number)(int64_t)n == n;
	}
	if (n >= 0 && n < 0x1p64) {
		*value = (uint64_t)n;
		return (lua_Number)*value == n;
	}
	return false;
}

bool value_to_u64(lua_State *L, int idx, uint64_t *value)
{
	bool ok = false;
#if LUA_VERSION_NUM >= 503
	int is_integer;
#endif

	switch (lua_type(L, idx)) {
	case LUA_TNUMBER:
#if LUA_VERSION_NUM >= 503
		*value = (uint64_t)lua_tointegerx(L, idx, &is_integer);
		if (is_integer)
			return true;
#endif
		return from_number(lua_tonumber(L, idx), value);
	case LUA_TSTRING:
		return parse_u64(L, idx, value);
	case LBPF_TCDATA:
		/* only 64-bit integers print as "5LL" and "5ULL" */
		if (luaL_callmeta(L, idx, "__tostring")) {
			ok = lua_type(L, -1) == LUA_TSTRING && parse_u64(L, -1, value);
			lua_pop(L, 1);
		}
		return ok;
	default:
		return false;
	}
}

/* Is the string at IDX short, and made of characters that can be shown? */
static bool is_legible(lua_State *L, int idx)
{
	size_t len;
	const char *text = lua_tolstring(L, idx, &len);

	for (size_t i = 0; i < len && len <= 32; i++)
		if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] > '~')
			return false;
	return len <= 32;
}

const char *value_show(lua_State *L, int idx)
{
	switch (lua_type(L, idx)) {
	case LUA_TNUMBER:
		lua_pushvalue(L, idx);
		return lua_tostring(L, -1);
	case LUA_TSTRING:
		if (is_legible(L, idx))
			return lua_pushfstring(L, "'%s'", lua_tostring(L, idx));
		return lua_pushfstring(L, "a string of %d bytes", (int)lua_rawlen(L, idx));
	default:
		return lua_pushfstring(L, "%s", luaL_typename(L, idx));
	}
}

static int not_an_integer(lua_State *L, int arg)
{
	return luaL_argerror(L, arg,
			     lua_pushfstring(L, "expected an integer, got %s", value_show(L, arg)));
}

uint64_t value_check_u64(lua_State *L, int arg)
{
	uint64_t value = 0;

	if (!value_to_u64(L, arg, &value))
		not_an_integer(L, arg);
	return value;
}

int64_t value_check_int(lua_State *L, int arg, int64_t min, int64_t max)
{
	uint64_t u = 0;
	int64_t value;

	if (!value_to_u64(L, arg, &u))
		not_an_integer(L, arg);
	value = (int64_t)u;
	if (value < min || value > max || (value < 0 && min >= 0)) {
		char range[96];

		snprintf(range, sizeof(range), "%lld is not in %lld to %lld", (long long)value,
			 (long long)min, (long long)max);
		luaL_argerror(L, arg, range);
	}
	return value;
}

#if LUA_VERSION_NUM < 503
static const char s64_key, u64_key;

/* Only LuaJIT's ffi library can create its 64-bit integers: keep the types. */
static void keep_type(lua_State *L, const char *name, const char *key)
{
	lua_getfield(L, -1, "typeof");
	lua_pushstring(L, name);
	lua_call(L, 1, 1);
	compat_rawsetp(L, LUA_REGISTRYINDEX, key);
}

/* False, and nothing is pushed, if there is no such integer. */
static bool push_64(lua_State *L, uint64_t bits, lua_Number number, bool exact, const char *key)
{
	compat_rawgetp(L, LUA_REGISTRYINDEX, key);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		if (exact)
			lua_pushnumber(L, number);
		return exact;
	}
	lua_call(L, 0, 1);
	memcpy((void *)lua_topointer(L, -1), &bits, sizeof(bits));
	return true;
}

static bool push_unsigned(lua_State *L, uint64_t value)
{
	return push_64(L, value, (lua_Number)value, value <= 1ULL << 53, &u64_key);
}

static bool push_signed(lua_State *L, int64_t value)
{
	return push_64(L, (uint64_t)value, (lua_Number)value,
		       value <= 1LL << 53 && value >= -(1LL << 53), &s64_key);
}

static void check_exact(lua_State *L, bool is_exact)
{
	if (!is_exact)
		luaL_error(L, "a 64-bit integer that a number cannot represent; option 'numbers' "
			      "rounds it");
}
#endif

void value_push_u64(lua_State *L, uint64_t value)
{
#if LUA_VERSION_NUM >= 503
	lua_pushinteger(L, (lua_Integer)value);
#else
	check_exact(L, push_unsigned(L, value));
#endif
}

void value_push_address(lua_State *L, uint64_t address)
{
#if LUA_VERSION_NUM >= 503
	lua_pushinteger(L, (lua_Integer)address);
#else
	char text[2 + 16 + 1];

	if (push_unsigned(L, address))
		return;
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)address);
	lua_pushstring(L, text);
#endif
}

void value_push_s64(lua_State *L, int64_t value)
{
#if LUA_VERSION_NUM >= 503
	lua_pushinteger(L, value);
#else
	check_exact(L, push_signed(L, value));
#endif
}

void value_push_u32(lua_State *L, uint32_t value)
{
#if LUA_VERSION_NUM >= 503
	lua_pushinteger(L, value);
#else
	lua_pushnumber(L, value);
#endif
}

/* The descriptor of a file of Lua's: in each Lua its FILE * comes first. */
static bool file_to_fd(lua_State *L, int idx, int *fd)
{
	FILE *const *file = lua_touserdata(L, idx);
	bool is_file;

	if (lua_type(L, idx) != LUA_TUSERDATA || !lua_getmetatable(L, idx))
		return false;
	luaL_getmetatable(L, LUA_FILEHANDLE);
	is_file = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
#if LUA_VERSION_NUM >= 502
	if (is_file && !((const luaL_Stream *)file)->closef)
		return false; /* it is closed */
#endif
	if (!is_file || !*file)
		return false;
	*fd = fileno(*file);
	return *fd >= 0;
}

bool value_to_fd(lua_State *L, int idx, int *fd)
{
	static const char *const methods[] = {"fd", "fileno"};
	int type = lua_type(L, idx), top = lua_gettop(L);
	bool has_methods = type == LUA_TTABLE;
	const char *method = NULL;
	uint64_t number;

	if (file_to_fd(L, idx, fd))
		return true;
	lua_pushvalue(L, idx);
	if (type == LUA_TUSERDATA && luaL_getmetafield(L, idx, "__index")) {
		lua_pop(L, 1);
		has_methods = true;
	}
	for (int i = 0; i < 2 && !method && has_methods; i++) {
		lua_getfield(L, top + 1, methods[i]);
		if (lua_isfunction(L, -1)) {
			method = methods[i];
			lua_pushvalue(L, top + 1);
			lua_call(L, 1, 1);
		} else {
			lua_pop(L, 1);
		}
	}
	if ((method || type == LUA_TNUMBER) && value_to_u64(L, -1, &number) &&
	    number <= INT32_MAX) {
		*fd = (int)number;
		lua_settop(L, top);
		return true;
	}
	if (method)
		lua_pushfstring(L, "%s() returned %s, not a descriptor", method, value_show(L, -1));
	else
		lua_pushfstring(L, "expected a file descriptor, or an object that has one, got %s",
				value_show(L, top + 1));
	return false;
}

int value_check_fd(lua_State *L, int arg)
{
	int fd = -1;

	if (lua_type(L, arg) == LUA_TNUMBER)
		return (int)value_check_int(L, arg, 0, INT32_MAX);
	if (!value_to_fd(L, arg, &fd))
		luaL_argerror(L, arg, lua_tostring(L, -1));
	return fd;
}

void value_open(lua_State *L)
{
#if LUA_VERSION_NUM < 503
	lua_getglobal(L, "require");
	lua_pushliteral(L, "ffi");
	if (lua_pcall(L, 1, 1, 0) == 0 && lua_istable(L, -1)) {
		keep_type(L, "int64_t", &s64_key);
		keep_type(L, "uint64_t", &u64_key);
	}
	lua_pop(L, 1);
#else
	(void)L;
#endif
}

/* Errors --------------------------------------------------------------------------------- */

int value_errno(long ret)
{
	int saved = errno;

	if (ret < 0 && ret >= -INT32_MAX)
		return (int)-ret;
	return saved ? saved : EINVAL;
}

int value_pointer_error(const void *ptr)
{
	int saved = errno;

	if ((intptr_t)ptr > 0)
		return 0;
	if (ptr && (intptr_t)ptr >= -4095)
		return (int)-(intptr_t)ptr;
	return saved ? saved : EINVAL;
}

const char *value_errno_name(int err)
{
	static const char *const names[] = {
		"LIBBPF_ERRNO__LIBELF", "LIBBPF_ERRNO__FORMAT",   "LIBBPF_ERRNO__KVERSION",
		"LIBBPF_ERRNO__ENDIAN", "LIBBPF_ERRNO__INTERNAL", "LIBBPF_ERRNO__RELOC",
		"LIBBPF_ERRNO__LOAD",   "LIBBPF_ERRNO__VERIFY",   "LIBBPF_ERRNO__PROG2BIG",
		"LIBBPF_ERRNO__KVER",   "LIBBPF_ERRNO__PROGTYPE", "LIBBPF_ERRNO__WRNGPID",
		"LIBBPF_ERRNO__INVSEQ", "LIBBPF_ERRNO__NLPARSE",
	};
	const char *name;

	if (err >= __LIBBPF_ERRNO__START && err < __LIBBPF_ERRNO__END)
		return names[err - __LIBBPF_ERRNO__START];
	if (err == ENOTSUPP)
		return "ENOTSUPP";
	name = strerrorname_np(err);
	return name ? name : "unknown error";
}

/* WHY: what is known of the reason; NULL: look for a hint. */
static void push_message(lua_State *L, int err, const char *why, const char *what, va_list ap)
{
	char text[256], operation[512], hint[512];

	if (err >= __LIBBPF_ERRNO__START)
		libbpf_strerror(err, text, sizeof(text));
	else if (err == ENOTSUPP)
		snprintf(text, sizeof(text), "not supported by the kernel");
	else
		snprintf(text, sizeof(text), "%s", strerror(err));
	vsnprintf(operation, sizeof(operation), what, ap);
	if (why)
		snprintf(hint, sizeof(hint), "%s", why);
	else
		hint_find(err, operation, hint, sizeof(hint));
	lua_pushfstring(L, "%s: %s (%s)%s%s", operation, text, value_errno_name(err),
			*hint ? "; " : "", hint);
}

int value_fail(lua_State *L, int err, const char *what, ...)
{
	va_list ap;

	lua_pushnil(L);
	va_start(ap, what);
	push_message(L, err, NULL, what, ap);
	va_end(ap);
	lua_pushinteger(L, err);
	return 3;
}

int value_fail_because(lua_State *L, int err, const char *why, const char *what, ...)
{
	va_list ap;

	lua_pushnil(L);
	va_start(ap, what);
	push_message(L, err, why, what, ap);
	va_end(ap);
	lua_pushinteger(L, err);
	return 3;
}

/* Pushes the last lines of a log without the last line feed; they say what went wrong. */
static void push_tail(lua_State *L, const char *log, size_t len)
{
	const size_t max = 1600;
	const char *start = log, *line;

	if (len && log[len - 1] == '\n')
		len--;
	if (len > max) {
		start = log + len - max;
		line = memchr(start, '\n', max);
		if (line)
			start = line + 1;
	}
	lua_pushlstring(L, start, (size_t)(log + len - start));
}

int value_fail_logged(lua_State *L, const struct frame *f, int err, const char *what, ...)
{
	char hint[512];
	const char *log;
	size_t len;
	va_list ap;

	frame_push_log(L, f);
	log = lua_tolstring(L, -1, &len);
	hint_find_in_log(err, log, hint, sizeof(hint));
	lua_pushnil(L);
	va_start(ap, what);
	push_message(L, err, *hint ? hint : NULL, what, ap);
	va_end(ap);
	if (len > 0) {
		lua_pushliteral(L, "\n");
		push_tail(L, log, len);
		lua_concat(L, 3);
	}
	lua_pushinteger(L, err);
	lua_pushvalue(L, -4);
	lua_remove(L, -5);
	return 4;
}

int value_none(lua_State *L)
{
	lua_pushnil(L);
	return 1;
}

int value_result(lua_State *L, int err, const char *what, ...)
{
	va_list ap;

	if (err == 0) {
		lua_pushboolean(L, 1);
		return 1;
	}
	lua_pushnil(L);
	va_start(ap, what);
	push_message(L, err, NULL, what, ap);
	va_end(ap);
	lua_pushinteger(L, err);
	return 3;
}

int value_needs_libbpf(lua_State *L, const char *what, unsigned major, unsigned minor)
{
	lua_pushnil(L);
	lua_pushfstring(L, "%s needs libbpf %d.%d, this is %s%s", what, (int)major, (int)minor,
			libbpf_version_string(),
			compat_libbpf(major, minor) ? ", but built for an older one" : "");
	lua_pushinteger(L, EOPNOTSUPP);
	return 3;
}
