#include "kernel/cache.h"

#include "base/fd.h"
#include "base/value.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*** @module lbpf */
/*** Other programs
@section other_programs
*/

#define UNUSED_FOR (30L * 24 * 60 * 60) /* seconds until a file is removed */

/* Makes the directory and those above it, which only the user may then read. */
static int make_directories(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) && errno != EEXIST)
			return errno;
	}
	return 0;
}

/* Says that a directory is a cache, and all in it the cache's: nothing else is ever removed. */
static const char MARK[] = ".lbpf-cache";

static bool is_empty(int directory)
{
	int number = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = number < 0 ? NULL : fdopendir(number);
	const struct dirent *entry;
	bool empty = dir != NULL;

	while (dir && empty && (entry = readdir(dir)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			strcmp(entry->d_name, MARK) == 0; /* another process made it just now */
	if (dir)
		closedir(dir);
	else if (number >= 0)
		close(number);
	return empty;
}

/* Marks an empty directory as a cache. Returns 0, or ENOTEMPTY if it is something else. */
static int mark(int directory)
{
	int fd;

	if (faccessat(directory, MARK, F_OK, 0) == 0)
		return 0;
	if (!is_empty(directory))
		return ENOTEMPTY;
	fd = openat(directory, MARK, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Whether only this user, and root, can have written it. */
static bool is_private(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Pushes the directory at 1; NULL, and what value_fail() pushed, if it is not to be trusted. */
static struct fd *push_directory(lua_State *L, bool make)
{
	const char *path = luaL_checkstring(L, 1);
	struct fd *fd = fd_push(L);
	struct stat st;
	int err = make ? make_directories(path) : 0, number;

	number = err ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (number < 0) {
		value_fail(L, err ? err : errno, "cache '%s'", path);
		return NULL;
	}
	fd_own(fd, number);
	if (fstat(number, &st) == 0 && is_private(&st))
		return fd;
	value_fail(L, EPERM, "cache '%s': another user has it, or may write into it", path);
	return NULL;
}

static const char *check_name(lua_State *L)
{
	const char *name = luaL_checkstring(L, 2);

	luaL_argcheck(L, *name && *name != '.' && !strchr(name, '/') && strlen(name) < 200, 2,
		      "not the name of a file in a cache");
	return name;
}

/*** Returns a file's contents from a directory that only this user writes.
@function cache_get
@tparam string directory its path
@tparam string name of the file; it does not begin with a dot, and has no slash
@treturn string the contents
@fails ENOENT if there is none; EPERM if the directory or the file belongs to another user, or
others may write into it
@usage local bytes = lbpf.cache_get("/root/.cache/lbpf", "name")
*/
static int cache_get(lua_State *L)
{
	const char *name = check_name(L);
	struct fd *directory = push_directory(L, false), *fd;
	luaL_Buffer b;
	struct stat st;
	ssize_t n;
	int number;

	if (!directory)
		return 3;
	fd = fd_push(L);
	number = openat(fd_number(directory), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (number < 0)
		return value_fail(L, errno, "cache: '%s'", name);
	fd_own(fd, number);
	if (fstat(number, &st) || !S_ISREG(st.st_mode) || !is_private(&st))
		return value_fail(L, EPERM, "cache: '%s'", name);
	futimens(number, NULL); /* it is in use: see remove_unused() */
	luaL_buffinit(L, &b);
	while ((n = read(number, luaL_prepbuffer(&b), LUAL_BUFFERSIZE)) > 0)
		luaL_addsize(&b, (size_t)n);
	luaL_pushresult(&b);
	return n < 0 ? value_fail(L, errno, "cache: '%s'", name) : 1;
}

/* Removes the files that were neither read nor written for a month. */
static void remove_unused(int directory)
{
	int number = fcntl(directory, F_DUPFD_CLOEXEC, 3);
	DIR *dir = number < 0 ? NULL : fdopendir(number);
	const struct dirent *entry;
	time_t now = time(NULL);

	while (dir && (entry = readdir(dir))) {
		struct stat st;

		if (entry->d_name[0] != '.' &&
		    fstatat(directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && now - st.st_mtime > UNUSED_FOR)
			unlinkat(directory, entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
	else if (number >= 0)
		close(number);
}

static int write_file(int directory, const char *name, const char *data, size_t size)
{
	int fd =
		openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int err = 0;

	if (fd < 0)
		return errno;
	while (size > 0 && !err) {
		ssize_t n = write(fd, data, size);

		if (n >= 0) {
			data += n;
			size -= (size_t)n;
		} else if (errno != EINTR) {
			err = errno;
		}
	}
	if (!err && fdatasync(fd))
		err = errno;
	close(fd);
	return err;
}

/*** Writes a file in a directory that only this user writes, and makes the directory if there is
none. Who reads meanwhile gets the file that was there before. The directory has nothing but such
files, and a mark: those that were not used for 30 days are removed.
@function cache_put
@tparam string directory its path
@tparam string name of the file; it does not begin with a dot, and has no slash
@tparam string bytes the contents
@treturn boolean true
@fails EPERM if the directory belongs to another user, or others may write into it; ENOTEMPTY if it
has files that no cache made
@usage lbpf.cache_put("/root/.cache/lbpf/example", "name", "bytes")
*/
static int cache_put(lua_State *L)
{
	const char *name = check_name(L);
	size_t size;
	const char *data = luaL_checklstring(L, 3, &size);
	const struct fd *directory = push_directory(L, true);
	char new[256];
	int fd, err;

	if (!directory)
		return 3;
	fd = fd_number(directory);
	err = mark(fd);
	if (err)
		return value_fail(L, err, "cache '%s': it has files that are no cache's",
				  lua_tostring(L, 1));
	snprintf(new, sizeof(new), "%s.%d", name, (int)getpid());
	unlinkat(fd, new, 0); /* of a process with this id that was killed */
	err = write_file(fd, new, data, size);
	if (!err && renameat(fd, new, fd, name))
		err = errno;
	if (err) {
		unlinkat(fd, new, 0);
		return value_fail(L, err, "cache: '%s'", name);
	}
	remove_unused(fd);
	lua_pushboolean(L, 1);
	return 1;
}

/*** Returns what tells whether a file was changed.
@function file_stamp
@tparam string path
@treturn string it is another one after each change: device, inode, size and times
@fails
@see stat(2)
@usage local stamp = assert(lbpf.file_stamp("/bin/sh"))
*/
static int file_stamp(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	char stamp[128];
	struct stat st;

	if (stat(path, &st))
		return value_fail(L, errno, "file_stamp '%s'", path);
	snprintf(stamp, sizeof(stamp), "%llx:%llx:%llx:%llx.%lx:%llx.%lx",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
		 (unsigned long long)st.st_size, (unsigned long long)st.st_mtim.tv_sec,
		 st.st_mtim.tv_nsec, (unsigned long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	lua_pushstring(L, stamp);
	return 1;
}

void cache_open(lua_State *L)
{
	static const luaL_Reg functions[] = {{"cache_get", cache_get},
					     {"cache_put", cache_put},
					     {"file_stamp", file_stamp},
					     {NULL, NULL}};

	luaL_setfuncs(L, functions, 0);
}
