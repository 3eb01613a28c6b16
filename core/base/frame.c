#include "base/frame.h"

#include "base/traceback.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The slots of a frame above its base. */
enum { SLOT_ERROR = 1, SLOT_RUN, SLOT_ENV, SLOT_HANDLER, SLOTS = SLOT_HANDLER };

/* How many values a callback's Lua code may push before its protected call must use lua_checkstack.
 */
#define CALLBACK_STACK 8

/* A verifier's log can have 16 MiB; text beyond this limit is dropped. */
#define LOG_MAX ((size_t)17 << 20)

static _Thread_local struct frame *top;
static _Thread_local unsigned
	depth; /* of frames, including those hidden by a callback's Lua code */

static _Thread_local struct {
	char *text;
	size_t len, size;
} printed;

/* Frees a thread's text when the thread ends. */
static pthread_key_t text_key;
static bool has_text_key;

static const char run_key;

struct call {
	lua_CFunction body;
	void *arg;
};

static int run(lua_State *L)
{
	const struct call *call = lua_touserdata(L, 1);

	lua_pushlightuserdata(L, call->arg);
	lua_replace(L, 1);
	return call->body(L);
}

void frame_enter(lua_State *L, struct frame *f, struct owner *owner, int env)
{
	luaL_checkstack(L, SLOTS + CALLBACK_STACK, "too many nested calls");
	if (env)
		env = lua_absindex(L, env);
	if (depth == 0)
		printed.len = 0; /* an error skipped frame_push_log() */
	*f = (struct frame){
		.prev = top,
		.L = L,
		.owner = owner ? owner_ref(owner) : NULL,
		.base = lua_gettop(L),
		.log_mark = printed.len,
	};
	lua_pushnil(L);
	compat_rawgetp(L, LUA_REGISTRYINDEX, &run_key);
	if (env)
		lua_pushvalue(L, env);
	else
		lua_pushnil(L);
	traceback_push_handler(L);
	if (owner)
		owner->busy++;
	depth++;
	top = f;
}

void frame_leave(struct frame *f)
{
	lua_State *L = f->L;

	depth--;
	top = f->prev;
	if (f->owner) {
		f->owner->busy--;
		owner_unref(f->owner);
	}
	lua_settop(L, f->base + SLOT_ERROR);
	if (f->failed) {
		printed.len = f->log_mark;
		lua_error(L);
	}
	lua_pop(L, 1);
}

struct frame *frame_current(void)
{
	return top;
}

/* If BODY raises, leaves the error object on the stack. */
static int protected_call(struct frame *f, lua_CFunction body, void *arg)
{
	struct call call = {body, arg};
	lua_State *L = f->L;
	int status;

	lua_pushvalue(L, f->base + SLOT_RUN);
	lua_pushlightuserdata(L, &call);
	lua_pushvalue(L, f->base + SLOT_ENV);
	top = NULL;
	status = lua_pcall(L, 2, 0, f->base + SLOT_HANDLER);
	top = f;
	return status;
}

int frame_call(struct frame *f, lua_CFunction body, void *arg)
{
	if (f->failed) /* libbpf went on to the next program: keep the first error */
		return -ECANCELED;
	if (protected_call(f, body, arg) == 0)
		return 0;
	lua_replace(f->L, f->base + SLOT_ERROR);
	f->failed = true;
	return -ECANCELED;
}

void frame_tell(struct frame *f, lua_CFunction body, void *arg)
{
	if (protected_call(f, body, arg) != 0)
		lua_pop(f->L, 1);
}

void frame_log(const char *text, size_t len)
{
	if (printed.len + len > LOG_MAX)
		len = LOG_MAX - printed.len;
	if (len == 0)
		return;
	if (printed.len + len > printed.size) {
		size_t size = 2 * (printed.len + len);
		char *bigger = realloc(printed.text, size);

		if (!bigger)
			return; /* a lost message is no reason to fail */
		printed.text = bigger;
		printed.size = size;
		if (has_text_key)
			pthread_setspecific(text_key, bigger);
	}
	memcpy(printed.text + printed.len, text, len);
	printed.len += len;
}

void frame_push_log(lua_State *L, const struct frame *f)
{
	size_t len = printed.len > f->log_mark ? printed.len - f->log_mark : 0;
	/* Allocating may run a finalizer that calls libbpf, and its output may move or drop the
	 * text. Therefore allocate first, then copy.
	 */
	char *copy = compat_newuserdata(L, len + 1);

	if (printed.len < f->log_mark + len)
		len = 0;
	if (len) {
		memcpy(copy, printed.text + f->log_mark, len);
		printed.len = f->log_mark;
	}
	if (printed.len == 0 && printed.size > 1 << 16) {
		free(printed.text);
		if (has_text_key)
			pthread_setspecific(text_key, NULL);
		printed.text = NULL;
		printed.size = 0;
	}
	lua_pushlstring(L, copy, len);
	lua_remove(L, -2);
}

static void make_text_key(void)
{
	has_text_key = pthread_key_create(&text_key, free) == 0;
}

void frame_open(lua_State *L)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_text_key);
	lua_pushcfunction(L, run);
	compat_rawsetp(L, LUA_REGISTRYINDEX, &run_key);
}
