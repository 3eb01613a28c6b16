#include "event/interrupt.h"

#include "base/clock.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/*** @module lbpf */
/*** Waiting
@section waiting
*/

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* timeout(1) sends a signal to its child, and again to the child's group: within so many
 * milliseconds the second is the same request.
 */
#define SAME_REQUEST 500

static const struct {
	const char *name;
	int number;
} signals[] = {{"INT", SIGINT}, {"TERM", SIGTERM}, {"HUP", SIGHUP}, {"PIPE", SIGPIPE}};

/* Signals belong to the process, and so does this. */
static struct {
	_Atomic(lua_State *) L; /* what a signal interrupts; NULL: nothing */
	pthread_t thread;       /* ... which runs there */
	volatile sig_atomic_t pending;
	volatile long came; /* when the last one came, in milliseconds; 0: none did */
	struct sigaction before[COUNT(signals)]; /* what was done with the signals */
} interrupt;

static void raise_interrupted(lua_State *L)
{
	luaL_error(L, "interrupted");
}

static void hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	lua_sethook(L, NULL, 0, 0); /* what cleans up is not interrupted */
	raise_interrupted(L);
}

void interrupt_note(void)
{
	interrupt.came = clock_milliseconds();
}

static void set_hook(void)
{
	lua_sethook(interrupt.L, hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

void interrupt_check(lua_State *L)
{
	if (interrupt.pending && interrupt.L) {
		set_hook(); /* whatever pcall() this error comes to, the next one comes behind it */
		raise_interrupted(L);
	}
}

static void die(int signal_number)
{
	sigset_t set;

	signal(signal_number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(signal_number);
}

static void restore_signals(void)
{
	for (size_t i = 0; i < COUNT(signals); i++)
		sigaction(signals[i].number, &interrupt.before[i], NULL);
}

/* The first signal raises an error in Lua: the interpreter calls the hook before its next
 * instruction. The second ends the process, for it may be that Lua does not come to that. If
 * lbpf.run returned the first, and the call has ended, the second goes to who had it before.
 */
static void catch_signal(int number)
{
	int err = errno;
	long now = clock_milliseconds();

	if (interrupt.L && !pthread_equal(pthread_self(), interrupt.thread)) {
		pthread_kill(interrupt.thread, number);
	} else if (number != SIGPIPE && interrupt.came && now - interrupt.came < SAME_REQUEST) {
		interrupt.came = now;
	} else if (interrupt.L && !interrupt.pending) {
		interrupt.came = now;
		interrupt.pending = number;
		set_hook();
	} else if (!interrupt.pending) {
		restore_signals();
		raise(number); /* comes when this returns */
	} else if (number != SIGPIPE) {
		die(number);
	}
	errno = err;
}

static void die_at_exit(void)
{
	fflush(stdout);
	die(interrupt.pending);
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = catch_signal, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < COUNT(signals); i++) {
		struct sigaction *before = &interrupt.before[i];

		sigaction(signals[i].number, NULL, before);
		/* nohup and shells have a program's children ignore signals. Who ignores SIGPIPE
		 * does it for itself, though, and print() does not see errors.
		 */
		if (before->sa_handler != SIG_IGN || signals[i].number == SIGPIPE)
			sigaction(signals[i].number, &action, NULL);
	}
}

static const char *pending_name(void)
{
	for (size_t i = 0; i < COUNT(signals); i++)
		if (signals[i].number == interrupt.pending)
			return signals[i].name;
	return NULL;
}

/* Of the call whose results, or error, are all that the stack has. */
static int finish_call(lua_State *L, int status)
{
	if (interrupt.pending) {
		lua_settop(L, 0);
		lua_pushstring(L, pending_name());
		return 1;
	}
	if (status)
		return lua_error(L);
	lua_pushnil(L);
	lua_insert(L, 1);
	return lua_gettop(L);
}

/* Within another call: that one has the signals. */
static int inner_call(lua_State *L)
{
	return finish_call(L, lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0));
}

/*** Calls a function that SIGINT, SIGTERM, SIGHUP and SIGPIPE end: they raise an error in it, so
that what it has is closed. A second signal ends the process at once, unless it comes within half a
second of the first, as timeout(1) sends two. `lbpf run` calls scripts so.

After such an end the process, when it exits, ends by that signal. Signals that `lbpf.run` returns
are the script's, and a second one within half a second of them is nobody's. What runs in a
coroutine of PUC Lua's is interrupted when it waits by a function of lbpf.
@function interruptible
@tparam function fn
@param ... its arguments
@treturn ?string nil if no signal ended it; else "INT", "TERM", "HUP" or "PIPE"
@return the function's results, if no signal ended it
@raise the function's error, if no signal ended it
@see sigaction(2)
@usage local signal, result = lbpf.interruptible(function() return 1 end)
*/
static int interruptible(lua_State *L)
{
	lua_State *none = NULL;
	int status;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	if (!atomic_compare_exchange_strong(&interrupt.L, &none, L))
		return inner_call(L);
	if (interrupt.pending) {
		interrupt.L = NULL;
		return luaL_error(L, "interruptible: a signal has ended another call");
	}
	interrupt.thread = pthread_self();
	if (interrupt.came)
		restore_signals();
	interrupt.came = 0;
	catch_signals();
	status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
	interrupt.L = NULL;
	if (interrupt.pending) {
		/* The handlers stay until the process exits: output may be left to be written. */
		lua_sethook(L, NULL, 0, 0);
		atexit(die_at_exit);
	} else if (!interrupt.came) { /* else its request's second signal may be still to come */
		restore_signals();
	}
	return finish_call(L, status);
}

void interrupt_open(lua_State *L)
{
	lua_pushcfunction(L, interruptible);
	lua_setfield(L, -2, "interruptible");
}
