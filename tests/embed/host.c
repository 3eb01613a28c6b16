/* A program that embeds Lua and uses libbpf itself, as a server with modules does:
 *
 *	host SCRIPT
 *
 * runs a Lua script, which finds in the table `host`:
 *	other(code)       runs code in a second Lua state; its results, as strings
 *	close_other()     ends that state; other() makes a new one
 *	threads(n, code)  runs code in n threads at once, each with a Lua state of its own and its
 *	                  number as argument; the number of failures
 *	types(path)       what libbpf makes of an object without the binding: "abc1=0 raw1=17 "
 *	load(path, prog)  libbpf's return value for loading that program of the object alone
 *	take_generic()    registers a generic handler with libbpf, for the program itself
 *	cookie(sec)       the cookie of the handler that was last registered for SEC, or for none
 *	pass(from, to)    has libbpf hand over the cookie TO where it has FROM
 *	warnings()        how often libbpf has warned the program itself
 *	fork(fn)          runs fn in a new process, which then closes its copy of this Lua state and
 *	                  ends; that process's id
 *	wait(pid)         until it has ended; did fn return there?
 *	allocated()       bytes in use of those that malloc() has given out, in all threads
 *	leave()           ends this process, and closes nothing
 */
#define _GNU_SOURCE
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <lauxlib.h>
#include <lualib.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS_MAX 16

static lua_State *other;
static int warned;

static int print(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)format;
	(void)ap;
	warned += level == LIBBPF_WARN;
	return 0;
}

/* Runs code with an argument. Its results are left on the stack; an error is printed. */
static int run(lua_State *L, const char *code, int argument)
{
	if (luaL_loadstring(L, code) == 0) {
		lua_pushinteger(L, argument);
		if (lua_pcall(L, 1, LUA_MULTRET, 0) == 0)
			return 0;
	}
	fprintf(stderr, "%s\n", lua_tostring(L, -1) ? lua_tostring(L, -1) : "an error");
	return 1;
}

static lua_State *new_state(void)
{
	lua_State *L = luaL_newstate();

	if (L)
		luaL_openlibs(L);
	return L;
}

static int host_other(lua_State *L)
{
	int n;

	if (!other)
		other = new_state();
	lua_settop(other, 0);
	if (run(other, luaL_checkstring(L, 1), 0))
		return luaL_error(L, "the other state has failed");
	n = lua_gettop(other);
	for (int i = 1; i <= n; i++)
		lua_pushstring(L, lua_tostring(other, i));
	return n;
}

static int host_close_other(lua_State *L)
{
	(void)L;
	if (other)
		lua_close(other);
	other = NULL;
	return 0;
}

struct thread {
	pthread_t id;
	pthread_barrier_t *start;
	const char *code;
	int number, failed;
};

static void *run_thread(void *arg)
{
	struct thread *t = arg;
	lua_State *L = new_state();

	pthread_barrier_wait(t->start); /* short work would be over before the last one begins */
	t->failed = run(L, t->code, t->number);
	lua_close(L);
	return NULL;
}

static int host_threads(lua_State *L)
{
	struct thread threads[THREADS_MAX];
	int n = (int)luaL_checkinteger(L, 1), failed = 0;
	const char *code = luaL_checkstring(L, 2);
	pthread_barrier_t start;

	if (n < 1 || n > THREADS_MAX)
		return luaL_error(L, "1 to %d threads", THREADS_MAX);
	pthread_barrier_init(&start, NULL, (unsigned)n);
	for (int i = 0; i < n; i++) {
		threads[i] = (struct thread){.start = &start, .code = code, .number = i + 1};
		if (pthread_create(&threads[i].id, NULL, run_thread, &threads[i]))
			return luaL_error(L, "no thread");
	}
	for (int i = 0; i < n; i++) {
		pthread_join(threads[i].id, NULL);
		failed += threads[i].failed;
	}
	pthread_barrier_destroy(&start);
	lua_pushinteger(L, failed);
	return 1;
}

static struct bpf_object *open_own(lua_State *L)
{
	struct bpf_object *obj = bpf_object__open(luaL_checkstring(L, 1));

	if (!obj)
		luaL_error(L, "cannot open the object");
	return obj;
}

static int host_types(lua_State *L)
{
	struct bpf_object *obj = open_own(L);
	struct bpf_program *prog;
	char text[4096] = "";
	size_t len = 0;

	bpf_object__for_each_program(prog, obj) len +=
		(size_t)snprintf(text + len, sizeof(text) - len, "%s=%d ", bpf_program__name(prog),
				 bpf_program__type(prog));
	bpf_object__close(obj);
	lua_pushstring(L, text);
	return 1;
}

static int host_load(lua_State *L)
{
	const char *name = luaL_checkstring(L, 2);
	struct bpf_object *obj = open_own(L);
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj)
		bpf_program__set_autoload(prog, strcmp(bpf_program__name(prog), name) == 0);
	lua_pushinteger(L, bpf_object__load(obj));
	bpf_object__close(obj);
	return 1;
}

/* libbpf's function for handlers comes after this program's own: so the cookies that it is given,
 * and that it hands to callbacks, can be seen and exchanged.
 */
static struct {
	char sec[32];
	long cookie, passed;
} registered[64];
static int n_registered;
static struct libbpf_prog_handler_opts callbacks; /* lbpf's, the same for all of its handlers */

static long passed(long cookie)
{
	for (int i = n_registered - 1; i >= 0; i--)
		if (registered[i].cookie == cookie)
			return registered[i].passed;
	return cookie;
}

static int on_setup(struct bpf_program *prog, long cookie)
{
	return callbacks.prog_setup_fn(prog, passed(cookie));
}

static int on_prepare_load(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	return callbacks.prog_prepare_load_fn(prog, opts, passed(cookie));
}

int libbpf_register_prog_handler(const char *sec, enum bpf_prog_type prog_type,
				 enum bpf_attach_type attach_type,
				 const struct libbpf_prog_handler_opts *opts)
{
	int (*next)(const char *, enum bpf_prog_type, enum bpf_attach_type,
		    const struct libbpf_prog_handler_opts *) =
		dlsym(RTLD_NEXT, "libbpf_register_prog_handler");
	struct libbpf_prog_handler_opts own;

	if (!opts || !opts->prog_setup_fn || n_registered == 64)
		return next(sec, prog_type, attach_type, opts);
	snprintf(registered[n_registered].sec, 32, "%s", sec ? sec : "");
	registered[n_registered].cookie = registered[n_registered].passed = opts->cookie;
	n_registered++;
	own = callbacks = *opts;
	own.prog_setup_fn = on_setup;
	own.prog_prepare_load_fn = on_prepare_load;
	return next(sec, prog_type, attach_type, &own);
}

static int host_cookie(lua_State *L)
{
	const char *sec = luaL_optstring(L, 1, "");

	for (int i = n_registered - 1; i >= 0; i--)
		if (strcmp(registered[i].sec, sec) == 0) {
			lua_pushnumber(L, (lua_Number)registered[i].cookie);
			return 1;
		}
	return 0;
}

static int host_pass(lua_State *L)
{
	long from = (long)luaL_checknumber(L, 1), to = (long)luaL_checknumber(L, 2);

	for (int i = 0; i < n_registered; i++)
		if (registered[i].cookie == from)
			registered[i].passed = to;
	return 0;
}

static int host_take_generic(lua_State *L)
{
	lua_pushboolean(L, libbpf_register_prog_handler(NULL, BPF_PROG_TYPE_XDP, 0, NULL) > 0);
	return 1;
}

static int host_warnings(lua_State *L)
{
	lua_pushinteger(L, warned);
	return 1;
}

static int host_fork(lua_State *L)
{
	int failed;
	pid_t pid;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_settop(L, 1);
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return luaL_error(L, "no process");
	if (pid > 0) {
		lua_pushinteger(L, pid);
		return 1;
	}
	failed = lua_pcall(L, 0, 0, 0);
	if (failed)
		fprintf(stderr, "%s\n", lua_tostring(L, -1) ? lua_tostring(L, -1) : "an error");
	lua_close(L);
	fflush(NULL);
	_exit(failed != 0);
}

static int host_wait(lua_State *L)
{
	pid_t pid = (pid_t)luaL_checkinteger(L, 1);
	int status;

	lua_pushboolean(L, waitpid(pid, &status, 0) == pid && status == 0);
	return 1;
}

static int host_allocated(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)mallinfo2().uordblks);
	return 1;
}

static int host_leave(lua_State *L)
{
	(void)L;
	fflush(NULL);
	_exit(0);
}

int main(int argc, char **argv)
{
	static const struct luaL_Reg functions[] = {
		{"other", host_other},         {"close_other", host_close_other},
		{"threads", host_threads},     {"types", host_types},
		{"load", host_load},           {"take_generic", host_take_generic},
		{"cookie", host_cookie},       {"pass", host_pass},
		{"warnings", host_warnings},   {"fork", host_fork},
		{"wait", host_wait},           {"leave", host_leave},
		{"allocated", host_allocated},
	};
	lua_State *L = new_state();
	int failed;

	if (argc != 2 || !L)
		return 2;
	libbpf_set_print(print);
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		lua_pushcfunction(L, functions[i].func);
		lua_setfield(L, -2, functions[i].name);
	}
	lua_setglobal(L, "host");
	failed = luaL_loadfile(L, argv[1]) || lua_pcall(L, 0, 0, 0);
	if (failed)
		fprintf(stderr, "%s\n", lua_tostring(L, -1) ? lua_tostring(L, -1) : "an error");
	lua_close(L);
	if (other)
		lua_close(other);
	return failed;
}
