/* 64-bit integers in every Lua, and the results of a call that libbpf or the kernel refused. */
#ifndef LBPF_BASE_VALUE_H
#define LBPF_BASE_VALUE_H

#include "base/compat.h"
#include <stdint.h>

struct frame;

/* The value at IDX as an exact 64-bit integer; false if it is not one. Accepted are integers,
 * numbers without a fraction, LuaJIT's int64_t and uint64_t, and strings in decimal or 0x form.
 * Negative integers are stored in two's complement.
 */
bool value_to_u64(lua_State *L, int idx, uint64_t *value);

/* The argument ARG as an integer from MIN to MAX; raises on anything else. */
int64_t value_check_int(lua_State *L, int arg, int64_t min, int64_t max);
uint64_t value_check_u64(lua_State *L, int arg);

/* Pushes a 64-bit integer exactly. Lua 5.3 and newer get an integer (unsigned ones in two's
 * complement), LuaJIT gets int64_t or uint64_t for every value. PUC Lua 5.1 and 5.2 get a number;
 * if it cannot represent the integer, an error is raised.
 */
void value_push_u64(lua_State *L, uint64_t value);
void value_push_s64(lua_State *L, int64_t value);

/* The same of an address; where an error would be raised, a string in hexadecimal is pushed. */
void value_push_address(lua_State *L, uint64_t address);

/* Pushes a 32-bit unsigned integer: a plain number in every Lua. */
void value_push_u32(lua_State *L, uint32_t value);

/* The descriptor at ARG: a number, a file of Lua's, or an object with a method fd() or fileno()
 * that returns one. The caller of the Lua function still owns it.
 */
int value_check_fd(lua_State *L, int arg);

/* The same for the value at IDX; if it fails, pushes a message and returns false. */
bool value_to_fd(lua_State *L, int idx, int *fd);

void value_open(lua_State *L);

/* Pushes the value at IDX as messages show it: a number or a short string itself, of other strings
 * the length, else the type.
 */
const char *value_show(lua_State *L, int idx);

/* The error number of a libbpf call: its negative result, or else errno; never 0. */
int value_errno(long ret);

/* The same for a function that returns a pointer: 0, or a positive error number. libbpf may return
 * an error pointer instead of NULL; no structure is in the top half of the address space.
 */
int value_pointer_error(const void *ptr);

/* Pushes nil, message, errno: "WHAT: Permission denied (EACCES); a hint". WHAT is a format string.
 */
int value_fail(lua_State *L, int err, const char *what, ...) __attribute__((format(printf, 3, 4)));

/* The same; WHY stands in place of a hint. */
int value_fail_because(lua_State *L, int err, const char *why, const char *what, ...)
	__attribute__((format(printf, 4, 5)));

/* The same with libbpf's output in F: its end is added to the message, all of it is a fourth
 * result. */
int value_fail_logged(lua_State *L, const struct frame *f, int err, const char *what, ...)
	__attribute__((format(printf, 4, 5)));

/* Pushes nil, message, EOPNOTSUPP: WHAT needs a newer libbpf than the running one, or than the
 * headers of this build.
 */
int value_needs_libbpf(lua_State *L, const char *what, unsigned major, unsigned minor);

/* The name of an error number: "EPERM", or libbpf's own "LIBBPF_ERRNO__FORMAT". */
const char *value_errno_name(int err);

/* Pushes nil, where something does not exist and that is no error. Returns 1. */
int value_none(lua_State *L);

/* Pushes true if ERR is 0, else nil, message, errno. */
int value_result(lua_State *L, int err, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

#endif
