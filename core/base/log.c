#include "base/log.h"

#include "base/frame.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/*** @module lbpf */
/*** Messages
@section messages
*/

static const char print_key;

static libbpf_print_fn_t previous;
static _Thread_local bool printing; /* the script's print function may call libbpf itself */

struct message {
	enum libbpf_print_level level;
	const char *text;
	size_t len;
};

static int tell(lua_State *L)
{
	static const char *const levels[] = {"warn", "info", "debug"};
	const struct message *m = lua_touserdata(L, 1);

	compat_rawgetp(L, LUA_REGISTRYINDEX, &print_key);
	lua_pushstring(L, levels[m->level]);
	lua_pushlstring(L, m->text, m->len);
	lua_call(L, 2, 0);
	return 0;
}

static bool is_wanted(lua_State *L)
{
	bool wanted;

	compat_rawgetp(L, LUA_REGISTRYINDEX, &print_key);
	wanted = !lua_isnil(L, -1);
	lua_pop(L, 1);
	return wanted;
}

/* libbpf calls this on any thread, for messages of all its users in the process. */
static int on_print(enum libbpf_print_level level, const char *format, va_list ap)
{
	int saved_errno = errno;
	struct frame *f = frame_current();
	char line[512], *text = line;
	struct message m = {.level = level};
	bool wanted;
	va_list again;
	int len;

	if (!f)
		return previous ? previous(level, format, ap) : 0;
	wanted = !printing && is_wanted(f->L);
	if (level != LIBBPF_WARN && !wanted)
		return 0;
	va_copy(again, ap);
	len = vsnprintf(line, sizeof(line), format, ap);
	if (len >= (int)sizeof(line)) {
		text = malloc((size_t)len + 1);
		if (text)
			vsnprintf(text, (size_t)len + 1, format, again);
	}
	va_end(again);
	if (text && len > 0) {
		m.text = text;
		m.len = (size_t)len;
		if (level == LIBBPF_WARN)
			frame_log(m.text, m.len);
		if (wanted) {
			printing = true;
			frame_tell(f, tell, &m);
			printing = false;
		}
	}
	if (text != line)
		free(text);
	errno = saved_errno;
	return len;
}

/*** Sets a function that receives libbpf's messages from calls of this Lua state.
Without one, warnings become part of the error message of the call that caused them, and nothing is
printed. Errors in the function are ignored.
@function set_print
@tparam ?function fn called with a level ("warn", "info" or "debug") and the text; nil removes it
@treturn ?function the previous function
@usage local previous = lbpf.set_print(function(level, text)
  io.write(level, ": ", text)
end)
lbpf.set_print(previous)
@see libbpf_set_print
*/
static int set_print(lua_State *L)
{
	if (!lua_isnoneornil(L, 1))
		luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_settop(L, 1);
	compat_rawgetp(L, LUA_REGISTRYINDEX, &print_key);
	lua_insert(L, 1);
	compat_rawsetp(L, LUA_REGISTRYINDEX, &print_key);
	return 1;
}

static void install(void)
{
	previous = libbpf_set_print(on_print);
}

void log_open(lua_State *L)
{
	/* Only once: libbpf reads the pointer without a lock. */
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
	lua_pushcfunction(L, set_print);
	lua_setfield(L, -2, "set_print");
}
