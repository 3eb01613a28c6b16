#include "base/class.h"

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

/* In the registry: a weak table of all userdata, by their addresses. */
static const char alive_key;

static int count_methods(const luaL_Reg *methods)
{
	int n = 0;

	while (methods[n].name)
		n++;
	return n;
}

void class_new(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta)
{
	luaL_newmetatable(L, name);
	luaL_setfuncs(L, meta, 0);
	lua_pushstring(L, name);
	lua_setfield(L, -2, "__name");
	lua_pushboolean(L, 0); /* so that getmetatable() does not expose __gc */
	lua_setfield(L, -2, "__metatable");
	lua_createtable(L, 0, count_methods(methods));
	luaL_setfuncs(L, methods, 0);
	lua_getfield(L, -2, "__index");
	if (lua_iscfunction(L, -1)) {
		lua_CFunction index = lua_tocfunction(L, -1);

		lua_pop(L, 1);
		lua_pushcclosure(L, index, 1);
	} else {
		lua_pop(L, 1);
	}
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

void class_add_methods(lua_State *L, const char *name, const luaL_Reg *methods)
{
	luaL_getmetatable(L, name);
	lua_getfield(L, -1, "__index");
	if (lua_iscfunction(L, -1)) {
		lua_getupvalue(L, -1, 1);
		lua_remove(L, -2);
	}
	luaL_setfuncs(L, methods, 0);
	lua_pop(L, 2);
}

int class_pairs(lua_State *L)
{
	lua_settop(L, 1);
	lua_getfield(L, 1, "pairs");
	lua_insert(L, 1);
	lua_call(L, 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* A userdata ends with a tag, the address of its class name. The metatable is no proof of the
 * class, because the debug library can replace it; and comparing metatables is slower.
 */
static void set_tag(void *ud, size_t size, const char *name)
{
	memcpy((char *)ud + size - sizeof(name), &name, sizeof(name));
}

static const char *tag(const void *ud, size_t size)
{
	const char *name = NULL;

	if (size >= sizeof(name))
		memcpy(&name, (const char *)ud + size - sizeof(name), sizeof(name));
	return name;
}

void *class_push(lua_State *L, const char *name, size_t size, int env)
{
	void *ud;

	if (env)
		lua_pushvalue(L, env);
	else
		lua_newtable(L);
	ud = compat_newuserdata(L, size + sizeof(name));
	memset(ud, 0, size);
	set_tag(ud, size + sizeof(name), name);
	lua_insert(L, -2);
	compat_setuservalue(L, -2);
	compat_rawgetp(L, LUA_REGISTRYINDEX, &alive_key);
	lua_pushvalue(L, -2);
	compat_rawsetp(L, -2, ud);
	lua_pop(L, 1);
	luaL_getmetatable(L, name);
	lua_setmetatable(L, -2);
	return ud;
}

void *class_test(lua_State *L, int idx, const char *name)
{
	void *ud = lua_touserdata(L, idx);

	return ud && tag(ud, lua_rawlen(L, idx)) == name ? ud : NULL;
}

void *class_check(lua_State *L, int idx, const char *name)
{
	void *ud = class_test(L, idx, name);

	if (!ud) {
		luaL_checkudata(L, idx, name);
		luaL_argerror(L, idx, "its metatable was replaced");
	}
	return ud;
}

void class_env(lua_State *L, int idx)
{
	compat_getuservalue(L, idx);
	if (!lua_istable(L, -1))
		luaL_error(L, "its uservalue was taken away");
}

/* Does the collector call this finalizer? A script that has the debug library can, while a method
 * further up some stack works with the userdata. Weak tables let go of what the collector finalizes
 * beforehand; but not of what is finalized because the state is closed, on the main thread, with
 * nothing else on its stack, or with os.exit(), for which newer Lua has a name for the call.
 */
static bool is_collecting(lua_State *L)
{
	bool is_alive, is_main;
	lua_Debug ar;

	compat_rawgetp(L, LUA_REGISTRYINDEX, &alive_key);
	if (lua_istable(L, -1))
		compat_rawgetp(L, -1, lua_touserdata(L, 1));
	is_alive = !lua_isnil(L, -1);
	is_main = lua_pushthread(L);
	lua_settop(L, 1);
	if (!is_alive || (is_main && !lua_getstack(L, 1, &ar)))
		return true;
	return lua_getstack(L, 0, &ar) && lua_getinfo(L, "n", &ar) &&
	       strcmp(ar.namewhat, "metamethod") == 0 && strcmp(ar.name, "__gc") == 0;
}

void *class_retire(lua_State *L, const char *name)
{
	void *ud = class_check(L, 1, name);

	lua_settop(L, 1);
	if (!is_collecting(L))
		luaL_error(L, "only the collector calls finalizers");
	set_tag(ud, lua_rawlen(L, 1), NULL);
	lua_pushnil(L);
	lua_setmetatable(L, 1);
	return ud;
}

void owner_unref(struct owner *o)
{
	if (--o->refs == 0)
		o->release(o);
}

void dependent_join(struct dependent *d, struct owner *o)
{
	d->next = o->dependents;
	d->at = &o->dependents;
	if (d->next)
		d->next->at = &d->next;
	o->dependents = d;
}

void dependent_leave(struct dependent *d)
{
	*d->at = d->next;
	if (d->next)
		d->next->at = d->at;
}

void owner_shut_dependents(struct owner *o)
{
	while (o->dependents)
		o->dependents->shut(o->dependents);
}

static bool is_ours(lua_CFunction fn)
{
	static const char anchor;
	Dl_info theirs, ours;

	return fn && dladdr((void *)(uintptr_t)fn, &theirs) && dladdr(&anchor, &ours) &&
	       theirs.dli_fbase == ours.dli_fbase;
}

/* Is this a finalizer that runs in the middle of one of our methods? Lua runs finalizers wherever
 * it allocates, with the collector stopped. lua_gc() returns -1 where it cannot tell, as in
 * Lua 5.1.
 */
static bool interrupts_method(lua_State *L)
{
	enum { IS_RUNNING = 9 }; /* LUA_GCISRUNNING, missing in Lua 5.1 */
	bool found = false;
	lua_Debug ar;

	if (lua_gc(L, IS_RUNNING, 0) == 1)
		return false;
	for (int level = 1; !found && lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "f", &ar);
		found = is_ours(lua_tocfunction(L, -1));
		lua_pop(L, 1);
	}
	return found;
}

void owner_close(lua_State *L, struct owner *o, void (*shut)(struct owner *))
{
	if (o->closed)
		return;
	owner_check_idle(L, o, "close");
	o->closed = true;
	if (!interrupts_method(L))
		shut(o);
}

void owner_check(lua_State *L, const struct owner *o)
{
	if (o->closed)
		luaL_error(L, "%s '%s' is closed", o->kind, o->name);
}

void owner_check_idle(lua_State *L, const struct owner *o, const char *operation)
{
	owner_check(L, o);
	if (o->busy)
		luaL_error(L, "%s '%s' is busy: %s() inside its own callback", o->kind, o->name,
			   operation);
}

void class_open(lua_State *L)
{
	compat_rawgetp(L, LUA_REGISTRYINDEX, &alive_key);
	if (lua_isnil(L, -1)) { /* else the module was loaded anew */
		lua_newtable(L);
		lua_createtable(L, 0, 1);
		lua_pushliteral(L, "v");
		lua_setfield(L, -2, "__mode");
		lua_setmetatable(L, -2);
		compat_rawsetp(L, LUA_REGISTRYINDEX, &alive_key);
	}
	lua_pop(L, 1);
}
