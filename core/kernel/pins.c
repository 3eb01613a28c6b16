#include "kernel/pins.h"

#include "base/fd.h"
#include "base/value.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/*** @module lbpf */
/*** Directories of pins
@section files
@usage print(lbpf.pin_mkdir("/sys/fs/bpf/example"), #lbpf.pins("/sys/fs/bpf/example"))
assert(os.remove("/sys/fs/bpf/example"))
*/

/* Opens a directory; -1: it is not in a BPF file system, or something else is wrong. */
static int open_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	struct statfs fs;

	if (fd < 0)
		return -1;
	if (fstatfs(fd, &fs))
		err = errno;
	else if (fs.f_type != BPF_FS_MAGIC)
		err = EINVAL;
	if (!err)
		return fd;
	close(fd);
	errno = err;
	return -1;
}

static int directory_fail(lua_State *L, const char *what, const char *path, int err)
{
	if (err == EINVAL)
		return value_fail_because(L, err, "not in a BPF file system", "%s '%s'", what,
					  path);
	return value_fail(L, err, "%s '%s'", what, path);
}

/*** Lists a directory of a BPF file system.
@function pins
@tparam string path of the directory
@treturn {string,...} the names of its files and directories, in no particular order
@fails ENOENT if there is no such directory, EINVAL if it is not in a BPF file system
@see obj_pin
*/
static int pins(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	struct fd *fd = fd_push(L);
	int number = open_directory(path), n = 0;
	_Alignas(struct dirent64) char buffer[4096];
	ssize_t size;

	if (number < 0)
		return directory_fail(L, "pins", path, errno);
	fd_own(fd, number); /* the code below may raise */
	lua_newtable(L);
	while ((size = getdents64(number, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct dirent64 *entry = (const void *)(buffer + at);

			at += entry->d_reclen;
			if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
				continue;
			lua_pushstring(L, entry->d_name);
			lua_rawseti(L, -2, ++n);
		}
	}
	if (size < 0)
		return directory_fail(L, "pins", path, errno);
	fd_disown(fd);
	close(number);
	return 1;
}

/*** Makes a directory in a BPF file system, for its owner alone.
@function pin_mkdir
@tparam string path of the directory; its parent exists
@treturn boolean true if it was made, false if it was there
@fails EINVAL if it is not in a BPF file system
@see pins
*/
static int pin_mkdir(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	bool is_made = mkdir(path, 0700) == 0;
	int fd;

	if (!is_made && errno != EEXIST)
		return directory_fail(L, "pin_mkdir", path, errno);
	fd = open_directory(path);
	if (fd < 0) {
		int err = errno;

		if (is_made)
			rmdir(path);
		return directory_fail(L, "pin_mkdir", path, err);
	}
	close(fd);
	lua_pushboolean(L, is_made);
	return 1;
}

void pins_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"pins", pins},
		{"pin_mkdir", pin_mkdir},
		{NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}
