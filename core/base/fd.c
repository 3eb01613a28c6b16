#include "base/fd.h"

#include "base/class.h"
#include "base/value.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*** @module lbpf */
/*** Descriptors
@section descriptors
*/

static const char FD[] = "lbpf.fd";

struct fd {
	int number; /* -1: closed, or handed over */
};

struct fd *fd_push(lua_State *L)
{
	struct fd *fd = class_push(L, FD, sizeof(*fd), 0);

	fd->number = -1;
	return fd;
}

void fd_own(struct fd *fd, int number)
{
	fd->number = number;
}

static struct fd *check_fd(lua_State *L, int arg)
{
	struct fd *fd = class_check(L, arg, FD);

	luaL_argcheck(L, fd->number >= 0, arg, "the descriptor is closed, or was handed to a link");
	return fd;
}

struct fd *fd_check_or_dup(lua_State *L, int arg)
{
	struct fd *fd;
	int number;

	if (lua_type(L, arg) != LUA_TNUMBER)
		return check_fd(L, arg);
	number = (int)value_check_int(L, arg, 0, INT32_MAX);
	fd = fd_push(L);
	lua_replace(L, arg);
	fd->number = fcntl(number, F_DUPFD_CLOEXEC, 3);
	return fd->number < 0 ? NULL : fd;
}

bool fd_test(lua_State *L, int idx)
{
	return class_test(L, idx, FD);
}

int fd_number(const struct fd *fd)
{
	return fd->number;
}

void fd_disown(struct fd *fd)
{
	fd->number = -1;
}

bool fd_to_target(lua_State *L, int idx, struct fd_target *t)
{
	t->path = NULL;
	t->number = -1;
	if (lua_type(L, idx) != LUA_TSTRING)
		return value_to_fd(L, idx, &t->number);
	t->path = lua_tostring(L, idx);
	return true;
}

void fd_check_target(lua_State *L, int arg, struct fd_target *t)
{
	luaL_argcheck(L, fd_to_target(L, arg, t), arg,
		      "expected a file descriptor, an object that has one, or a path");
}

bool fd_target_open(struct fd_target *t)
{
	if (t->path)
		t->number = open(t->path, O_RDONLY | O_CLOEXEC);
	return t->number >= 0;
}

void fd_target_close(struct fd_target *t)
{
	int saved = errno;

	if (t->path && t->number >= 0)
		close(t->number);
	errno = saved;
}

/* What a descriptor is --------------------------------------------------------------------- */

char *fd_path(int fd, char path[FD_PATH_SIZE])
{
	snprintf(path, FD_PATH_SIZE, "/proc/self/fd/%d", fd);
	return path;
}

bool fd_kind(int fd, char *kind, size_t size)
{
	static const char prefix[] = "anon_inode:";
	char path[FD_PATH_SIZE], text[64];
	ssize_t n = readlink(fd_path(fd, path), text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	snprintf(kind, size, "%s",
		 strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : text);
	if (strcmp(kind, "bpf_link") == 0) /* the kernel calls a pinned one bpf-link */
		kind[3] = '-';
	return true;
}

bool fd_is(int fd, const char *kind)
{
	char is[64];

	return fd_kind(fd, is, sizeof(is)) && strcmp(is, kind) == 0;
}

void fd_check_kind(lua_State *L, int arg, int fd, const char *kind)
{
	char is[64];

	if (fd_kind(fd, is, sizeof(is)) && strcmp(is, kind) != 0)
		luaL_argerror(
			L, arg,
			lua_pushfstring(L, "descriptor %d is not a %s, but '%s'", fd, kind, is));
}

/* In Lua ----------------------------------------------------------------------------------- */

/*** The descriptor's number. The object still owns the descriptor.
@function fd:fileno
@treturn integer
@see perf_event_open
*/
static int fd_fileno(lua_State *L)
{
	lua_pushinteger(L, check_fd(L, 1)->number);
	return 1;
}

/*** Reads from the descriptor, for example from one that `lbpf.iter_create` returned.
@function fd:read
@tparam ?integer size how many bytes to read at most, 1 to 2^30; nil: read to the end
@treturn ?string the bytes; nil at the end; without a size, "" at the end
@fails
@usage local map = assert(lbpf.map_create("array", "numbers", 4, 8, 1))
print(map:fileno())
print(map:read()) -- nil and why: what `lbpf.iter_create` returns can be read
assert(map:close())
@see read
*/
static int fd_read(lua_State *L)
{
	const struct fd *fd = check_fd(L, 1);
	bool all = lua_isnoneornil(L, 2);
	size_t left = all ? SIZE_MAX : (size_t)value_check_int(L, 2, 1, 1 << 30), size;
	luaL_Buffer b;
	ssize_t got;

	luaL_buffinit(L, &b);
	do {
		size = left < LUAL_BUFFERSIZE ? left : LUAL_BUFFERSIZE;
		got = read(fd->number, luaL_prepbuffer(&b), size);
		if (got > 0) {
			luaL_addsize(&b, (size_t)got);
			left -= (size_t)got;
		}
	} while ((got > 0 && left > 0) || (got < 0 && errno == EINTR));
	if (got < 0)
		return value_fail(L, errno, "read");
	luaL_pushresult(&b);
	if (!all && lua_rawlen(L, -1) == 0)
		return value_none(L);
	return 1;
}

void fd_shut(struct fd *fd)
{
	if (fd->number >= 0)
		close(fd->number);
	fd->number = -1;
}

/*** Closes the descriptor. Closing it twice has no effect.
@function fd:close
@treturn boolean true
@see close(2)
*/
static int fd_close(lua_State *L)
{
	fd_shut(class_check(L, 1, FD));
	lua_pushboolean(L, 1);
	return 1;
}

static int fd_gc(lua_State *L)
{
	fd_shut(class_retire(L, FD));
	return 0;
}

static int fd_tostring(lua_State *L)
{
	const struct fd *fd = class_check(L, 1, FD);

	if (fd->number < 0)
		lua_pushliteral(L, "lbpf.fd (closed)");
	else
		lua_pushfstring(L, "lbpf.fd: %d", fd->number);
	return 1;
}

void fd_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"fileno", fd_fileno}, {"read", fd_read}, {"close", fd_close}, {NULL, NULL}};
	static const luaL_Reg meta[] = {
		{"__gc", fd_gc}, {"__close", fd_close}, {"__tostring", fd_tostring}, {NULL, NULL}};

	class_new(L, FD, methods, meta);
}
