#include "event/poller.h"

#include "base/class.h"
#include "base/value.h"
#include "event/interrupt.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/*** @module lbpf */
/*** Waiting
@section waiting
@usage local ring = assert(lbpf.ring_buffer(object.maps.events, print, {type = "event"}))
local poller = assert(lbpf.poller())
assert(poller:add(ring:epoll_fd()))
assert(poller:catch {"INT", "TERM"})
local deadline = lbpf.monotonic() + 0.01
while lbpf.monotonic() < deadline do
  local readable, signals = assert(poller:wait(0.01))
  if #signals > 0 then break end
  if #readable > 0 then ring:consume() end
end
assert(poller:close())
*/

static const char POLLER[] = "lbpf.poller";

#define READY 64 /* how many descriptors one wait returns at most */

struct poller {
	int epoll, signals; /* -1: none, or closed */
	sigset_t blocked;   /* the thread's previous signal mask */
};

static const struct {
	const char *name;
	int number;
} signals[] = {
	{"INT", SIGINT},   {"TERM", SIGTERM}, {"HUP", SIGHUP},     {"QUIT", SIGQUIT},
	{"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"WINCH", SIGWINCH}, {"CHLD", SIGCHLD},
};

static struct poller *check_poller(lua_State *L)
{
	struct poller *p = class_check(L, 1, POLLER);

	if (p->epoll < 0)
		luaL_error(L, "poller is closed");
	return p;
}

static int poller_watch(const struct poller *p, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event);
}

/*** Creates a set of descriptors and signals to wait for; `lbpf.run` uses it.
@function poller
@treturn poller
@fails
@see epoll_create(2)
*/
static int poller_new(lua_State *L)
{
	struct poller *p = class_push(L, POLLER, sizeof(*p), 0);

	p->signals = -1;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll < 0)
		return value_fail(L, errno, "poller");
	return 1;
}

/*** Adds a descriptor to wait for.
@function poller:add
@tparam integer|fd|map fd a descriptor, or an object that has one
@treturn poller itself
@fails
@see epoll_ctl(2)
*/
static int poller_add(lua_State *L)
{
	const struct poller *p = check_poller(L);
	int fd = value_check_fd(L, 2);

	if (poller_watch(p, fd))
		return value_fail(L, errno, "poller:add: descriptor %d", fd);
	lua_settop(L, 1);
	return 1;
}

/*** Catches signals: `poller:wait` returns them, and they do not reach the process until the poller
is closed.
@function poller:catch
@tparam {string,...} names "INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "WINCH", "CHLD"
@treturn poller itself
@fails
@raise if it catches signals already
@see signalfd(2)
*/
static int poller_catch(lua_State *L)
{
	struct poller *p = check_poller(L);
	sigset_t set;

	luaL_checktype(L, 2, LUA_TTABLE);
	luaL_argcheck(L, p->signals < 0, 1, "the poller catches signals already");
	sigemptyset(&set);
	for (int i = 1, n = (int)lua_rawlen(L, 2); i <= n; i++) {
		const char *name;
		size_t k = 0;

		lua_rawgeti(L, 2, i);
		name = lua_tostring(L, -1);
		while (k < sizeof(signals) / sizeof(signals[0]) &&
		       (!name || strcmp(name, signals[k].name)))
			k++;
		luaL_argcheck(L, k < sizeof(signals) / sizeof(signals[0]), 2,
			      "not the name of a signal that can be caught");
		sigaddset(&set, signals[k].number);
		lua_pop(L, 1);
	}
	p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->signals < 0)
		return value_fail(L, errno, "poller:catch");
	if (poller_watch(p, p->signals)) {
		close(p->signals);
		p->signals = -1;
		return value_fail(L, errno, "poller:catch");
	}
	pthread_sigmask(SIG_BLOCK, &set, &p->blocked);
	lua_settop(L, 1);
	return 1;
}

/* Appends the names of the signals that arrived to the list on top of the stack. */
static void push_signals(lua_State *L, const struct poller *p)
{
	struct signalfd_siginfo info;
	int n = 0;

	while (read(p->signals, &info, sizeof(info)) == sizeof(info)) {
		for (size_t k = 0; k < sizeof(signals) / sizeof(signals[0]); k++)
			if (signals[k].number == (int)info.ssi_signo) {
				interrupt_note();
				lua_pushstring(L, signals[k].name);
				lua_rawseti(L, -2, ++n);
			}
	}
}

/*** Waits until a descriptor is readable or a signal arrives.
@function poller:wait
@tparam ?number seconds at most; nil: without limit
@treturn {integer,...} the descriptors that are readable or at their end; none at the timeout
@treturn {string,...} the signals that arrived
@fails
@see epoll_wait(2)
*/
static int poller_wait(lua_State *L)
{
	const struct poller *p = check_poller(L);
	lua_Number seconds = luaL_optnumber(L, 2, -1);
	struct epoll_event ready[READY];
	int timeout = seconds < 0 ? -1 : seconds > 1e6 ? 1000000000 : (int)(seconds * 1000 + 0.999);
	int n, count = 0;
	bool came = false;

	interrupt_check(L);
	n = epoll_wait(p->epoll, ready, READY, timeout);
	if (n < 0 && errno != EINTR)
		return value_fail(L, errno, "poller:wait");
	lua_settop(L, 0);
	lua_newtable(L);
	for (int i = 0; i < n; i++) {
		if (ready[i].data.fd == p->signals) {
			came = true;
			continue;
		}
		lua_pushinteger(L, ready[i].data.fd);
		lua_rawseti(L, 1, ++count);
	}
	lua_newtable(L);
	if (came)
		push_signals(L, p);
	return 2;
}

/*** The time, from the clock that bpf_ktime_get_ns() reads.
@function monotonic
@treturn number seconds
@see clock_gettime(2)
*/
static int monotonic(lua_State *L)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
	return 1;
}

static void shut_poller(struct poller *p)
{
	if (p->epoll >= 0)
		close(p->epoll);
	if (p->signals >= 0) {
		close(p->signals);
		pthread_sigmask(SIG_SETMASK, &p->blocked, NULL);
	}
	p->epoll = p->signals = -1;
}

/*** Closes the poller, and restores the signal mask. A second call has no effect.
@function poller:close
@treturn boolean true
@see close(2)
*/
static int poller_close(lua_State *L)
{
	shut_poller(class_check(L, 1, POLLER));
	lua_pushboolean(L, 1);
	return 1;
}

static int poller_gc(lua_State *L)
{
	shut_poller(class_retire(L, POLLER));
	return 0;
}

void poller_open(lua_State *L)
{
	static const luaL_Reg methods[] = {{"add", poller_add},
					   {"catch", poller_catch},
					   {"wait", poller_wait},
					   {"close", poller_close},
					   {NULL, NULL}};
	static const luaL_Reg meta[] = {
		{"__gc", poller_gc}, {"__close", poller_close}, {NULL, NULL}};
	static const luaL_Reg functions[] = {
		{"poller", poller_new}, {"monotonic", monotonic}, {NULL, NULL}};

	class_new(L, POLLER, methods, meta);
	luaL_setfuncs(L, functions, 0);
}
