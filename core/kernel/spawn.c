#include "kernel/spawn.h"

#include "base/fd.h"
#include "base/value.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*** @module lbpf */
/*** Other programs
@section other_programs
*/

#define ARGS_MAX 256

extern char **environ;

/* Files in memory instead of pipes: nobody needs to read while the program writes. */
static struct fd *push_memory(lua_State *L)
{
	struct fd *fd = fd_push(L);
	int number = memfd_create("lbpf-spawn", MFD_CLOEXEC), low = number;

	if (number < 0)
		return NULL;
	/* Where a standard descriptor is closed here, the child's would replace this one. */
	if (low < 3) {
		number = fcntl(low, F_DUPFD_CLOEXEC, 3);
		close(low);
		if (number < 0)
			return NULL;
	}
	fd_own(fd, number);
	return fd;
}

static bool write_input(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return lseek(fd, 0, SEEK_SET) == 0;
}

/* Pushes the contents of the file; false, with errno set, if it cannot be read. */
static bool push_content(lua_State *L, int fd)
{
	luaL_Buffer b;
	ssize_t n;
	off_t at = 0;

	luaL_buffinit(L, &b);
	while ((n = pread(fd, luaL_prepbuffer(&b), LUAL_BUFFERSIZE, at)) > 0) {
		luaL_addsize(&b, (size_t)n);
		at += n;
	}
	luaL_pushresult(&b);
	return n == 0;
}

/* Whatever this process has set, the child's signal mask is empty, and SIGPIPE and SIGCHLD have
 * their defaults, as when a shell starts it.
 */
static int start(pid_t *pid, char **argv, const int std[3])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	int err;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGCHLD);
	err = posix_spawn_file_actions_init(&actions);
	if (err)
		return err;
	err = posix_spawnattr_init(&attr);
	if (!err) {
		for (int i = 0; i < 3 && !err; i++)
			err = posix_spawn_file_actions_adddup2(&actions, std[i], i);
		posix_spawnattr_setsigmask(&attr, &none);
		posix_spawnattr_setsigdefault(&attr, &usual);
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
		if (!err)
			err = posix_spawnp(pid, argv[0], &actions, &attr, argv, environ);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

/* The strings of the list at ARG. They stay on the stack: a finalizer may change the list. */
static void check_argv(lua_State *L, int arg, const char *argv[ARGS_MAX + 1])
{
	size_t n;

	luaL_checktype(L, arg, LUA_TTABLE);
	n = lua_rawlen(L, arg);
	luaL_argcheck(L, n >= 1 && n <= ARGS_MAX, arg, "expected 1 to 256 strings");
	luaL_checkstack(L, ARGS_MAX + LUA_MINSTACK, "too many arguments");
	for (size_t i = 0; i < n; i++) {
		size_t len;

		lua_rawgeti(L, arg, (int)i + 1);
		luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, arg, "expected strings");
		argv[i] = lua_tolstring(L, -1, &len);
		luaL_argcheck(L, strlen(argv[i]) == len, arg, "an argument contains a zero byte");
	}
	argv[n] = NULL;
}

/*** Runs a program to its end, without a shell. This process waits meanwhile.
@function spawn
@tparam {string,...} argv the program, which is looked for in PATH, and its arguments; at most 256
@tparam ?string input what the program reads from its standard input
@treturn integer its exit status; 128 plus the signal's number if a signal ended it
@treturn string what it has written to its standard output
@treturn string what it has written to its standard error
@fails ENOENT if there is no such program; ECHILD if the host process reaps all children
@usage local status, output = lbpf.spawn({"cat"}, "text")
*/
static int spawn(lua_State *L)
{
	const char *argv[ARGS_MAX + 1], *input;
	size_t size;
	int std[3], err, status;
	pid_t pid, ended;

	lua_settop(L, 2);
	check_argv(L, 1, argv);
	input = luaL_optlstring(L, 2, "", &size);
	for (int i = 0; i < 3; i++) {
		const struct fd *fd = push_memory(L);

		if (!fd)
			return value_fail(L, errno, "spawn '%s'", argv[0]);
		std[i] = fd_number(fd);
	}
	if (!write_input(std[0], input, size))
		return value_fail(L, errno, "spawn '%s': its input", argv[0]);
	err = start(&pid, (char **)argv, std);
	if (err)
		return value_fail(L, err, "spawn '%s'", argv[0]);
	do
		ended = waitpid(pid, &status, 0);
	while (ended < 0 && errno == EINTR);
	if (ended < 0)
		return value_fail(L, errno, "spawn '%s': its exit status", argv[0]);
	lua_pushinteger(L, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	for (int i = 1; i < 3; i++)
		if (!push_content(L, std[i]))
			return value_fail(L, errno, "spawn '%s': its output", argv[0]);
	return 3;
}

void spawn_open(lua_State *L)
{
	lua_pushcfunction(L, spawn);
	lua_setfield(L, -2, "spawn");
}
