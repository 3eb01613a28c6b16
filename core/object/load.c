#include "object/load.h"

#include "base/field.h"
#include "base/newer.h"
#include "base/value.h"
#include "check/guard.h"
#include "object/object.h"

/*** @module lbpf */
/*** Loading
@section loading
@usage local other = assert(lbpf.open("trace.bpf.o"))
print(other:kversion(), other:token_fd())
other:set_kversion(other:kversion())
*/

#if LBPF_HEADERS(1, 5)
#pragma weak bpf_object__token_fd
#endif

static int prepare(struct owner *owner)
{
	return bpf_object__prepare(object_of(owner));
}

static int load(struct owner *owner)
{
	return bpf_object__load(object_of(owner));
}

static struct bpf_map *find_arena(const struct bpf_object *obj)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj)
	{
		if ((int)bpf_map__type(map) == MAP_TYPE_ARENA)
			return map;
	}
	return NULL;
}

/* From libbpf 1.7 on, the variables of an arena are at its end if the kernel allows that. Only
 * loading as a skeleton does tells where they are. Before 1.5 that fails for an arena.
 */
static int load_with_arena(struct owner *owner)
{
	struct bpf_object *obj = object_of(owner);
	struct bpf_map *arena = find_arena(obj);
	struct bpf_map_skeleton map = {
		.name = "arena", .map = &arena, .mmaped = object_arena(owner)};
	struct bpf_object_skeleton skeleton = {.sz = sizeof(skeleton),
					       .name = owner->name,
					       .obj = &obj,
					       .map_cnt = 1,
					       .map_skel_sz = sizeof(map),
					       .maps = &map};

	return arena && compat_libbpf(1, 7) ? bpf_object__load_skeleton(&skeleton) : load(owner);
}

/*** Does the first part of loading: relocates programs, creates maps, and pins those with a pin
path. `object:load` does the rest.
@function object:prepare
@treturn object itself
@failslog EOPNOTSUPP before libbpf 1.6
@raise if it is prepared or loaded already, or if that has failed
@needs libbpf 1.6
@usage local other = assert(lbpf.open("trace.bpf.o"))
assert(other:prepare()) -- maps are there, and may be filled before programs are loaded
assert(other.maps.limits:update(1, 1))
assert(other:load())
@see bpf_object__prepare
*/
static int object_prepare(lua_State *L)
{
	object_check(L, 1);
	if (!bpf_object__prepare)
		return value_needs_libbpf(L, "object:prepare", 1, 6);
	return object_advance(L, "prepare", prepare, OBJECT_OPENED, OBJECT_PREPARED);
}

/*** Loads the object's programs and maps into the kernel.
@function object:load
@treturn object itself
@failslog The message ends with the end of the verifier's log.
@raise the error of a handler's function; if it is loaded already, or a load has failed; before
libbpf 1.4 for a struct_ops map if none of its programs is to be loaded
@usage local object = assert(lbpf.open("trace.bpf.o"))
assert(object:load())
@see bpf_object__load
@see bpf_object__load_skeleton
*/
static int object_load(lua_State *L)
{
	struct owner *owner = object_check(L, 1);
	const char *map = guard_struct_ops_without_types(object_of(owner));

	if (map)
		return luaL_error(L,
				  "load '%s': map '%s' is struct_ops, and no program of that type "
				  "is to be loaded",
				  owner->name, map);
	return object_advance(L, "load", load_with_arena, OBJECT_PREPARED, OBJECT_LOADED);
}

static const struct field loader_fields[] = {
	FIELD_FROM(1, 7, struct gen_loader_opts, gen_hash, FIELD_BOOL),
	FIELDS_END,
};

/* Raises for what libbpf cannot put into a loader program, but does not check. */
static void check_generable(lua_State *L, struct owner *owner)
{
	struct bpf_object *obj = object_of(owner);
	struct bpf_program *prog;
	struct bpf_map *map;

	bpf_object__for_each_program(prog, obj)
	{
		if (bpf_program__type(prog) == BPF_PROG_TYPE_STRUCT_OPS)
			luaL_error(L, "gen_loader '%s': program '%s' is struct_ops", owner->name,
				   bpf_program__name(prog));
	}
	bpf_object__for_each_map(map, obj)
	{
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			luaL_error(L, "gen_loader '%s': map '%s' is struct_ops", owner->name,
				   bpf_map__name(map));
		/* libbpf 1.1 would pin, or close, descriptor 0 */
		if (bpf_map__fd(map) >= 0 || bpf_map__pin_path(map))
			luaL_error(L, "gen_loader '%s': map '%s' is reused, or to be pinned",
				   owner->name, bpf_map__name(map));
	}
}

/*** Makes a program that loads the object, as in a light skeleton, instead of loading it. After
that the object can only be closed.
@function object:gen_loader
@tparam ?table opts the fields of gen_loader_opts that are not results: `gen_hash` (boolean)
@treturn table `insns`, a program of type "syscall", and `data`, the value of the map to which it
refers; both as bytes
@failslog
@raise for an object with struct_ops, or with maps that are reused or pinned; if it is prepared or
loaded already, or if that has failed; the error of a handler's function
@usage local other = assert(lbpf.open("trace.bpf.o"))
local loader = assert(other:gen_loader())
print(#loader.insns, #loader.data)
@see bpf_object__gen_loader
*/
static int object_gen_loader(lua_State *L)
{
	struct gen_loader_opts opts = {.sz = sizeof(opts)};
	struct owner *owner = object_check(L, 1);
	int err, n;

	field_read(L, 2, loader_fields, &opts);
	owner_check_idle(L, owner, "gen_loader");
	if (!object_is_prepared(owner)) {
		check_generable(L, owner);
		err = bpf_object__gen_loader(object_of(owner), &opts);
		if (err)
			return value_fail(L, value_errno(err), "gen_loader '%s'", owner->name);
		object_start_generating(owner);
	}
	n = object_advance(L, "gen_loader", load, OBJECT_OPENED, OBJECT_GENERATED);
	if (n != 1)
		return n;
	lua_newtable(L);
	lua_pushlstring(L, opts.insns, opts.insns_sz);
	lua_setfield(L, -2, "insns");
	lua_pushlstring(L, opts.data, opts.data_sz);
	lua_setfield(L, -2, "data");
	return 1;
}

/* Options of the load ---------------------------------------------------------------------- */

/*** The kernel version for which programs are loaded, as KERNEL_VERSION() encodes it.
@function object:kversion
@treturn integer the running kernel's, unless the file or `object:set_kversion` sets another
@see bpf_object__kversion
*/
static int object_kversion(lua_State *L)
{
	value_push_u32(L, bpf_object__kversion(object_of(object_check(L, 1))));
	return 1;
}

/*** Sets the kernel version, which kernels before 5.0 compare with their own for kprobes.
@function object:set_kversion
@tparam integer kern_version 0 to 2^32 - 1
@treturn object itself
@raise if it has been loaded
@see bpf_object__set_kversion
*/
static int object_set_kversion(lua_State *L)
{
	uint32_t version = (uint32_t)value_check_int(L, 2, 0, UINT32_MAX);
	struct owner *owner = object_check(L, 1);

	if (object_is_loading_over(owner))
		return luaL_error(L, "too late, object '%s' has been loaded", owner->name);
	bpf_object__set_kversion(object_of(owner), version);
	lua_settop(L, 1);
	return 1;
}

/*** The descriptor of the BPF token with which the object is loaded. The object owns it.
@function object:token_fd
@treturn ?integer nil without a token
@fails EOPNOTSUPP before libbpf 1.5
@see bpf_object__token_fd
*/
static int object_token_fd(lua_State *L)
{
	const struct bpf_object *obj = object_of(object_check(L, 1));
#if LBPF_HEADERS(1, 5)
	if (compat_libbpf(1, 5)) {
		int fd = bpf_object__token_fd(obj);

		if (fd < 0)
			return value_none(L);
		lua_pushinteger(L, fd);
		return 1;
	}
#endif
	(void)obj;
	return value_needs_libbpf(L, "object:token_fd", 1, 5);
}

void load_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"prepare", object_prepare},
		{"load", object_load},
		{"gen_loader", object_gen_loader},
		{"kversion", object_kversion},
		{"set_kversion", object_set_kversion},
		{"token_fd", object_token_fd},
		{NULL, NULL},
	};

	object_add_methods(L, methods);
}
