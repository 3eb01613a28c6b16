/* Integers of 64 bits on every Lua, and how a refusal by libbpf or the kernel is returned. */
#ifndef LBPF_BASE_VALUE_H
#define LBPF_BASE_VALUE_H

#include "base/compat.h"
#include <stdint.h>

struct frame;

/* The value at IDX as an exact 64-bit integer; false if it is none. Taken are integers, numbers
 * without a fraction, LuaJIT's int64_t and uint64_t, and strings in decimal or 0x form. Negative
 * ones are given as two's complement.
 */
bool value_to_u64(lua_State *L, int idx, uint64_t *value);

/* The argument ARG as an integer from MIN to MAX; raises what is wrong with it. */
int64_t value_check_int(lua_State *L, int arg, int64_t min, int64_t max);
uint64_t value_check_u64(lua_State *L, int arg);

/* Pushes a 64-bit integer, never rounded: Lua 5.3 and newer have it (an unsigned one as two's
 * complement); LuaJIT gets int64_t or uint64_t, whatever the value; PUC Lua 5.1 and 5.2 a number,
 * or an error if a number cannot hold it.
 */
void value_push_u64(lua_State *L, uint64_t value);
void value_push_s64(lua_State *L, int64_t value);

/* Pushes an unsigned integer of 32 bits, which is plain on every Lua. */
void value_push_u32(lua_State *L, uint32_t value);

/* The descriptor at ARG: a number, or anything with a method fd() or fileno() that returns one.
 * It stays the caller's.
 */
int value_check_fd(lua_State *L, int arg);

/* The same for the value at IDX; or pushes what is wrong with it, and is false. */
bool value_to_fd(lua_State *L, int idx, int *fd);

void value_open(lua_State *L);

/* Pushes what a message about the value at IDX shows of it: a number or a short string as it is,
 * of anything else the type.
 */
const char *value_show(lua_State *L, int idx);

/* An error number from libbpf: a negative return, or else the errno it left; never 0. */
int value_errno(long ret);

/* The same for a function that returns a pointer: 0, or a positive error number. libbpf can
 * let an error pointer slip through; no structure lives in the top half of the address space.
 */
int value_pointer_error(const void *ptr);

/* Pushes nil, message, errno: "WHAT: Permission denied (EACCES); a hint". WHAT is a format. */
int value_fail(lua_State *L, int err, const char *what, ...) __attribute__((format(printf, 3, 4)));

/* The same, with what libbpf printed inside F: its end in the message, all of it as a fourth. */
int value_fail_logged(lua_State *L, const struct frame *f, int err, const char *what, ...)
	__attribute__((format(printf, 4, 5)));

/* Pushes nil, message, EOPNOTSUPP: WHAT needs a newer libbpf than this one, or than the headers
 * of this build.
 */
int value_needs_libbpf(lua_State *L, const char *what, unsigned major, unsigned minor);

/* The name of an error number, "EPERM"; also of libbpf's own, "LIBBPF_ERRNO__FORMAT". */
const char *value_errno_name(int err);

/* Pushes nil, where what was asked for is not there. One value, and no error: `tostring(f())`
 * works.
 */
int value_none(lua_State *L);

/* Pushes true if ERR is 0, else nil, message, errno. */
int value_result(lua_State *L, int err, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

#endif
