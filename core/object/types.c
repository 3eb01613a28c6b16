#include "object/types.h"

#include "base/value.h"
#include "btf/btf.h"
#include "btf/codec.h"
#include "btf/layout.h"
#include "object/object.h"

/*** @module lbpf */
/*** An object's types
@section object_types
@usage print(object:btf():find_by_name("event"), object:btf_fd())
*/

/*** Returns the object's BTF, which is closed with the object.
@function object:btf
@treturn ?btf nil if the object has none
@see bpf_object__btf
*/
static int object_btf(lua_State *L)
{
	struct owner *object = object_check(L, 1);
	struct btf *btf = bpf_object__btf(object_of(object));

	if (value_pointer_error(btf))
		return value_none(L);
	lua_settop(L, 1);
	class_env(L, 1);
	lua_getfield(L, 2, "btf");
	if (!lua_isnil(L, -1))
		return 1;
	btf_push_of(L, object, btf);
	lua_pushvalue(L, -1);
	lua_setfield(L, 2, "btf");
	return 1;
}

/*** The descriptor of the object's BTF in the kernel.
@function object:btf_fd
@treturn ?integer nil before the load, and if there is none
@see bpf_object__btf_fd
*/
static int object_btf_fd(lua_State *L)
{
	int fd = bpf_object__btf_fd(object_of(object_check(L, 1)));

	if (fd < 0)
		return value_none(L);
	lua_pushinteger(L, fd);
	return 1;
}

/*** Creates a codec, which converts between bytes and values of a type in the object's BTF.
@function object:codec
@tparam ?string|integer type "event", "struct event", "u64", or its number in the BTF
@tparam ?table opts `fields`: decode only these, as one result for each ("pid", "file.name",
"stack[1]", "data[length]"); `bytes`: true, or a list of names: char arrays with all their bytes,
not those before the first zero; `enum_names` (boolean): enums as names, if they have one; `numbers`
(boolean): 64-bit integers as numbers in LuaJIT, rounded beyond 2^53; `layout`: declarations in C in
which the type is found, see `lbpf.layout`, the last one if `type` is nil; `btf`: other BTF that has
it
@treturn codec
@fails ENOENT if there is no such type
@usage local codec = assert(object:codec("struct counts"))
print(codec:decode(codec:encode({packets = 1, bytes = 60})).bytes)
@see btf__find_by_name_kind
*/
static int object_codec(lua_State *L)
{
	struct owner *object = object_check(L, 1);
	struct btf *btf = bpf_object__btf(object_of(object));

	lua_settop(L, 3);
	return codec_new(L, btf, NULL, layout_push_base(L, object, btf));
}

void objtypes_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"btf", object_btf},
		{"btf_fd", object_btf_fd},
		{"codec", object_codec},
		{NULL, NULL},
	};

	object_add_methods(L, methods);
}
