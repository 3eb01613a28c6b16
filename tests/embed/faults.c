/* A program that embeds Lua and has calls fail: faults SCRIPT [ARGUMENT...]
 *
 * The script finds in the table `faults`:
 *	arm(what, n, errno, always)  the n-th call fails; if `always`, all after it fail, too
 *	disarm()                     how many such calls there were; the name of the one that failed
 *	live()                       how many blocks of the C code's malloc() are in use
 *
 * WHAT is "lua", Lua's allocator; "malloc", as lbpf calls it; or "call", system calls and whatever
 * else may fail with an error number. It replaces functions of the C library for all libraries of
 * the process.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <lauxlib.h>
#include <link.h>
#include <lualib.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOTHING, LUA, MALLOC, CALL };

static struct {
	int what;
	long n, seen;
	int err;
	bool always;
	const char *failed;
} fault;

static long live;

/* Where lbpf's code is: libelf, for one, does not survive a malloc() of its own that fails. */
static const char *module_start, *module_end;

static int find_module(struct dl_phdr_info *library, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	if (!strstr(library->dlpi_name, "/lbpf/core.so"))
		return 0;
	for (int i = 0; i < library->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &library->dlpi_phdr[i];

		if (part->p_type == PT_LOAD && part->p_flags & PF_X) {
			module_start = (const char *)library->dlpi_addr + part->p_vaddr;
			module_end = module_start + part->p_memsz;
		}
	}
	return 1;
}

/* Does this call fail? */
static bool fails(int what, const char *name)
{
	if (fault.what != what)
		return false;
	fault.seen++;
	if (fault.seen < fault.n || (fault.seen > fault.n && !fault.always) || !fault.n)
		return false;
	if (!fault.failed)
		fault.failed = name;
	errno = fault.err;
	return true;
}

/* Memory ---------------------------------------------------------------------------------- */

static lua_Alloc lua_allocate;
static bool in_lua; /* its allocator may be the C library's */

static void *allocate(void *ud, void *ptr, size_t old, size_t size)
{
	void *block;

	if (size > 0 && (!ptr || size > old) && fails(LUA, "lua"))
		return NULL;
	in_lua = true;
	block = lua_allocate(ud, ptr, old, size);
	in_lua = false;
	return block;
}

#ifndef __SANITIZE_ADDRESS__ /* which has replaced these already */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void __libc_free(void *ptr);

/* Does this call of NAME, from lbpf, fail? */
static bool fails_memory(const char *name, const char *from)
{
	return from >= module_start && from < module_end && fails(MALLOC, name);
}

static void *count(void *block)
{
	live += block && !in_lua;
	return block;
}

void *malloc(size_t size)
{
	return fails_memory("malloc", __builtin_return_address(0)) ? NULL
								   : count(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return fails_memory("calloc", __builtin_return_address(0)) ? NULL
								   : count(__libc_calloc(n, size));
}

void *realloc(void *ptr, size_t size)
{
	if (size && fails_memory("realloc", __builtin_return_address(0)))
		return NULL;
	if (!ptr)
		return count(__libc_realloc(ptr, size));
	live -= !size && !in_lua;
	return __libc_realloc(ptr, size);
}

void free(void *ptr)
{
	live -= ptr && !in_lua;
	__libc_free(ptr);
}

#endif

/* Calls ----------------------------------------------------------------------------------- */

/* Replaces a function that returns -1, or NULL, if it fails. */
#define REPLACE(type, failure, name, parameters, arguments)                                        \
	type name parameters                                                                       \
	{                                                                                          \
		static type(*next) parameters;                                                     \
                                                                                                   \
		if (fails(CALL, #name))                                                            \
			return failure;                                                            \
		if (!next)                                                                         \
			*(void **)&next = dlsym(RTLD_NEXT, #name);                                 \
		return next arguments;                                                             \
	}

/* Those with one more argument if they want it: it is passed on as what a register has. */
#define REPLACE_VARIADIC(type, name, first, a, second, b)                                          \
	type name(first a, second b, ...)                                                          \
	{                                                                                          \
		static type (*next)(first, second, ...);                                           \
		va_list ap;                                                                        \
		void *more;                                                                        \
                                                                                                   \
		va_start(ap, b);                                                                   \
		more = va_arg(ap, void *);                                                         \
		va_end(ap);                                                                        \
		if (fails(CALL, #name))                                                            \
			return -1;                                                                 \
		if (!next)                                                                         \
			*(void **)&next = dlsym(RTLD_NEXT, #name);                                 \
		return next(a, b, more);                                                           \
	}

REPLACE_VARIADIC(int, open, const char *, path, int, flags)
REPLACE_VARIADIC(int, open64, const char *, path, int, flags)
REPLACE_VARIADIC(int, fcntl, int, fd, int, command)
REPLACE_VARIADIC(int, fcntl64, int, fd, int, command)
REPLACE_VARIADIC(int, ioctl, int, fd, unsigned long, request)
REPLACE(ssize_t, -1, read, (int fd, void *buffer, size_t size), (fd, buffer, size))
REPLACE(ssize_t, -1, pread64, (int fd, void *buffer, size_t size, off_t at), (fd, buffer, size, at))
REPLACE(ssize_t, -1, pread, (int fd, void *buffer, size_t size, off_t at), (fd, buffer, size, at))
REPLACE(ssize_t, -1, write, (int fd, const void *buffer, size_t size), (fd, buffer, size))
REPLACE(ssize_t, -1, readlink, (const char *path, char *to, size_t size), (path, to, size))
REPLACE(void *, (void *)-1, mmap, (void *at, size_t size, int prot, int flags, int fd, off_t from),
	(at, size, prot, flags, fd, from))
REPLACE(void *, (void *)-1, mmap64,
	(void *at, size_t size, int prot, int flags, int fd, off_t from),
	(at, size, prot, flags, fd, from))
REPLACE(int, -1, fstat, (int fd, struct stat *to), (fd, to))
REPLACE(int, -1, epoll_create1, (int flags), (flags))
REPLACE(int, -1, epoll_ctl, (int set, int op, int fd, struct epoll_event *event),
	(set, op, fd, event))
REPLACE(int, -1, epoll_wait, (int set, struct epoll_event *events, int n, int timeout),
	(set, events, n, timeout))
REPLACE(int, -1, eventfd, (unsigned value, int flags), (value, flags))
REPLACE(int, -1, signalfd, (int fd, const void *mask, int flags), (fd, mask, flags))
REPLACE(int, -1, memfd_create, (const char *name, unsigned flags), (name, flags))
REPLACE(int, -1, pipe2, (int fds[2], int flags), (fds, flags))
REPLACE(int, -1, socket, (int domain, int type, int protocol), (domain, type, protocol))
REPLACE(ssize_t, -1, recvmsg, (int fd, void *message, int flags), (fd, message, flags))
REPLACE(ssize_t, -1, send, (int fd, const void *data, size_t size, int flags),
	(fd, data, size, flags))
REPLACE(int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
REPLACE(FILE *, NULL, fopen, (const char *path, const char *mode), (path, mode))
REPLACE(FILE *, NULL, fopen64, (const char *path, const char *mode), (path, mode))

/* bpf(2) and perf_event_open(2) have no functions in the C library. */
long syscall(long number, ...)
{
	static long (*next)(long, ...);
	long args[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		args[i] = va_arg(ap, long);
	va_end(ap);
	if ((number == SYS_bpf && fails(CALL, "bpf")) ||
	    (number == SYS_perf_event_open && fails(CALL, "perf_event_open")))
		return -1;
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	return next(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

/* In Lua ---------------------------------------------------------------------------------- */

static int faults_arm(lua_State *L)
{
	static const char *const names[] = {"nothing", "lua", "malloc", "call", NULL};
	int what = luaL_checkoption(L, 1, NULL, names);

	fault.n = (long)luaL_checkinteger(L, 2);
	fault.err = (int)luaL_optinteger(L, 3, ENOMEM);
	fault.always = lua_toboolean(L, 4);
	fault.seen = 0;
	fault.failed = NULL;
	dl_iterate_phdr(find_module, NULL);
	fault.what = what; /* from now on */
	return 0;
}

static int faults_disarm(lua_State *L)
{
	fault.what = NOTHING;
	lua_pushinteger(L, fault.seen);
	lua_pushstring(L, fault.failed);
	return 2;
}

static int faults_live(lua_State *L)
{
	lua_pushinteger(L, live);
	return 1;
}

int main(int argc, char **argv)
{
	static const struct luaL_Reg functions[] = {
		{"arm", faults_arm}, {"disarm", faults_disarm}, {"live", faults_live}};
	lua_State *L = luaL_newstate();
	void *ud;
	int failed;

	if (argc < 2 || !L)
		return 2;
	luaL_openlibs(L);
	lua_allocate = lua_getallocf(L, &ud);
	lua_setallocf(L, allocate, ud);
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		lua_pushcfunction(L, functions[i].func);
		lua_setfield(L, -2, functions[i].name);
	}
	lua_setglobal(L, "faults");
	failed = luaL_loadfile(L, argv[1]);
	for (int i = 2; !failed && i < argc; i++)
		lua_pushstring(L, argv[i]);
	failed = failed || lua_pcall(L, argc - 2, 0, 0);
	if (failed)
		fprintf(stderr, "%s\n", lua_tostring(L, -1) ? lua_tostring(L, -1) : "an error");
	lua_close(L);
	return failed;
}
