#include "kernel/linker.h"

#include "base/fd.h"
#include "base/frame.h"
#include "base/value.h"
#include "check/btfcheck.h"
#include "check/linkcheck.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*** @module lbpf */
/*** Linkers
@section linkers
@usage local path = os.tmpname()
local linker = assert(lbpf.linker(path))
assert(linker:add_file("link_main.bpf.o"))
local file = assert(io.open("link_other.bpf.o", "rb"))
assert(linker:add_buf(file:read("*a")))
file:close()
assert(linker:finalize() and linker:close())
assert(lbpf.open(path)):close()
os.remove(path)
*/

static const char LINKER[] = "lbpf.linker";

#if LBPF_HEADERS(1, 6)
#pragma weak bpf_linker__new_fd
#pragma weak bpf_linker__add_fd
#endif

enum state { EMPTY, ADDED, FINALIZED, FAILED };

struct linker {
	struct owner owner;
	struct bpf_linker *linker; /* NULL once closed */
	enum state state;
	struct linkcheck check;
	int fd; /* of the output, if the script passed one; else -1 */
	char name[];
};

struct linker_handle {
	struct linker *linker;
};

static struct linker *linker_from(struct owner *owner)
{
	return (struct linker *)owner;
}

static void shut_linker(struct owner *owner)
{
	struct linker *l = linker_from(owner);

	owner->closed = true;
	if (l->linker)
		bpf_linker__free(l->linker);
	l->linker = NULL;
	linkcheck_free(&l->check);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static void release_linker(struct owner *owner)
{
	shut_linker(owner);
	free(owner);
}

static struct linker *check_linker_handle(lua_State *L, int arg)
{
	return ((struct linker_handle *)class_check(L, arg, LINKER))->linker;
}

static struct linker *check_linker(lua_State *L, int arg, const char *operation)
{
	struct linker *l = check_linker_handle(L, arg);

	owner_check_idle(L, &l->owner, operation);
	if (l->state == FINALIZED)
		luaL_error(L, "linker '%s' has written its file already", l->name);
	if (l->state == FAILED)
		luaL_error(L, "linker '%s' can only be closed: it has failed", l->name);
	return l;
}

static struct bpf_linker *new_fd(int fd)
{
	char path[FD_PATH_SIZE];

#if LBPF_HEADERS(1, 6)
	if (compat_libbpf(1, 6))
		return bpf_linker__new_fd(fd, NULL);
#endif
	return bpf_linker__new(fd_path(fd, path), NULL);
}

/*** Creates a linker. Its file is created or truncated now, and complete after `linker:finalize`.
@function linker
@tparam string|integer|object file a path; or a descriptor of an empty file, open for writing
@treturn linker
@fails
@see bpf_linker__new
@see bpf_linker__new_fd
*/
static int new_linker(lua_State *L)
{
	const char *path = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : NULL;
	int fd = path ? -1 : value_check_fd(L, 1), err = 0;
	const char *name = path ? path : lua_pushfstring(L, "fd %d", fd);
	size_t size = strlen(name) + 1;
	struct linker_handle *h = class_push(L, LINKER, sizeof(*h), 0);
	struct linker *l = calloc(1, sizeof(*l) + size);
	struct frame f;

	if (!l)
		return luaL_error(L, "not enough memory");
	h->linker = l;
	memcpy(l->name, name, size);
	l->owner = (struct owner){
		.kind = "linker", .name = l->name, .release = release_linker, .refs = 1};
	l->fd = -1;
	if (fd >= 0) {
		l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (l->fd < 0)
			return value_fail(L, errno, "linker '%s'", name);
	}
	frame_enter(L, &f, &l->owner, 0);
	errno = EINVAL; /* libbpf returns errno for errors of libelf, which does not set it */
	l->linker = path ? bpf_linker__new(path, NULL) : new_fd(l->fd);
	err = value_pointer_error(l->linker);
	if (err)
		l->linker = NULL;
	frame_leave(&f);
	if (err)
		return value_fail_logged(L, &f, err, "linker '%s'", name);
	return 1;
}

/* Creates an anonymous file with these bytes; -1 and errno if that fails. */
static int memory_file(const struct elf_source *source)
{
	int fd = memfd_create("object", MFD_CLOEXEC), err;
	const char *data = source->image;
	size_t size = source->size;
	ssize_t n;

	while (fd >= 0 && size > 0) {
		n = write(fd, data, size);
		if (n < 0) {
			err = errno;
			close(fd);
			errno = err;
			return -1;
		}
		data += n;
		size -= (size_t)n;
	}
	return fd;
}

/* Adds a file by a copy of its own, which nobody else can change while libbpf has it mapped. */
static int linker_add(lua_State *L, struct linker *l, const struct elf_source *source,
		      const char *name)
{
	char path[FD_PATH_SIZE], why[160];
	int fd = memory_file(source), err = 0;
	struct frame f;
	bool ok;

	if (fd < 0)
		return value_fail(L, errno, "link '%s'", name);
	frame_enter(L, &f, &l->owner, 0);
	ok = btfcheck_source(L, source, why, sizeof(why)) &&
	     linkcheck_source(&l->check, source, why, sizeof(why));
	errno = EINVAL; /* libbpf returns errno for errors of libelf, which does not set it */
	if (ok) {
		err = bpf_linker__add_file(l->linker, fd_path(fd, path), NULL);
		if (err)
			err = value_errno(err);
	}
	close(fd);
	l->state = ok && !err ? ADDED : FAILED;
	frame_leave(&f);
	if (!ok)
		return value_fail(L, EINVAL, "link '%s': %s", name, why);
	if (err)
		return value_fail_logged(L, &f, err, "link '%s'", name);
	lua_settop(L, 1);
	return 1;
}

/* After a file that could not be read the linker can only be closed, as after any other failure. */
static int linker_fail(lua_State *L, struct linker *l, int err, const char *name)
{
	l->state = FAILED;
	return value_fail(L, err, "link '%s'", name);
}

/*** Adds an object file. After an error the linker can only be closed.
@function linker:add_file
@tparam string path
@treturn linker itself
@fails
@raise after `linker:finalize`, and after a file that failed
@see bpf_linker__add_file
*/
static int linker_add_file(lua_State *L)
{
	struct linker *l = check_linker(L, 1, "add_file");
	const char *path = luaL_checkstring(L, 2);
	struct elf_source source;
	int err = elf_push_file(L, path, &source);

	if (err)
		return linker_fail(L, l, err, path);
	return linker_add(L, l, &source, path);
}

/*** Adds an open object file.
@function linker:add_fd
@tparam integer|object|file fd a descriptor that can be read
@treturn linker itself
@fails
@raise after `linker:finalize`, and after a file that failed
@needs libbpf 1.6
@usage local path = os.tmpname()
local linker = assert(lbpf.linker(path))
local file = assert(io.open("link_main.bpf.o", "rb"))
print(linker:add_fd(file))
file:close()
linker:close()
os.remove(path)
@see bpf_linker__add_fd
*/
static int linker_add_fd(lua_State *L)
{
	struct linker *l = check_linker(L, 1, "add_fd");
	int fd = value_check_fd(L, 2);
	const char *name = lua_pushfstring(L, "fd %d", fd);
	struct elf_source source;
	int err = elf_push_fd(L, fd, &source);

	if (err)
		return linker_fail(L, l, err, name);
	return linker_add(L, l, &source, name);
}

/*** Adds an object file in memory.
@function linker:add_buf
@tparam string bytes
@treturn linker itself
@fails
@raise after `linker:finalize`, and after a file that failed
@see bpf_linker__add_buf
*/
static int linker_add_buf(lua_State *L)
{
	struct linker *l = check_linker(L, 1, "add_buf");
	struct elf_source source;

	source.image = luaL_checklstring(L, 2, &source.size);
	return linker_add(L, l, &source, "memory");
}

/*** Links the files that were added, and writes the result.
@function linker:finalize
@treturn linker itself, which can only be closed after that
@fails
@raise if no file was added, after a file that failed, and the second time
@see bpf_linker__finalize
*/
static int linker_finalize(lua_State *L)
{
	struct linker *l = check_linker(L, 1, "finalize");
	struct frame f;
	int err;

	if (l->state == EMPTY)
		return luaL_error(L, "linker '%s' has nothing to write: add a file", l->name);
	frame_enter(L, &f, &l->owner, 0);
	errno = EINVAL; /* libbpf returns errno for errors of libelf, which does not set it */
	err = bpf_linker__finalize(l->linker);
	if (err)
		err = value_errno(err);
	l->state = err ? FAILED : FINALIZED;
	frame_leave(&f);
	if (err)
		return value_fail_logged(L, &f, err, "finalize '%s'", l->name);
	lua_settop(L, 1);
	return 1;
}

/*** Closes the linker. A file that was not finalized stays as it is. A second call has no effect.
@function linker:close
@treturn boolean true
@raise while libbpf works on it
@see bpf_linker__free
*/
static int linker_close(lua_State *L)
{
	owner_close(L, &check_linker_handle(L, 1)->owner, shut_linker);
	lua_pushboolean(L, 1);
	return 1;
}

static int linker_gc(lua_State *L)
{
	struct linker_handle *h = class_retire(L, LINKER);

	if (h->linker)
		owner_unref(&h->linker->owner);
	return 0;
}

static int linker_tostring(lua_State *L)
{
	const struct linker *l = check_linker_handle(L, 1);

	lua_pushfstring(L, "lbpf.linker: %s%s", l->name, l->owner.closed ? " (closed)" : "");
	return 1;
}

void linker_open(lua_State *L)
{
	static const luaL_Reg functions[] = {{"linker", new_linker}, {NULL, NULL}};
	static const luaL_Reg methods[] = {
		{"add_file", linker_add_file}, {"add_fd", linker_add_fd},
		{"add_buf", linker_add_buf},   {"finalize", linker_finalize},
		{"close", linker_close},       {NULL, NULL},
	};
	static const luaL_Reg meta[] = {{"__gc", linker_gc},
					{"__close", linker_close},
					{"__tostring", linker_tostring},
					{NULL, NULL}};

	class_new(L, LINKER, methods, meta);
	luaL_setfuncs(L, functions, 0);
}
