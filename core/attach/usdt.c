#include "attach/usdt.h"

#include "base/value.h"
#include "object/object.h"
#include <errno.h>

/* 12 arguments with 16 bytes each, 24 since 1.7; the cookie, and the number of arguments. */
enum { OLD_SIZE = 12 * 16 + 16, NEW_SIZE = 12 * 24 + 16 };

bool usdt_fits(lua_State *L, struct owner *owner, const struct bpf_program *prog,
	       const char *operation)
{
	const struct bpf_map *map =
		bpf_object__find_map_by_name(object_of(owner), "__bpf_usdt_specs");
	__u32 size = map ? bpf_map__value_size(map) : 0;
	bool is_old = size == OLD_SIZE, is_new = size == NEW_SIZE;

	/* other sizes, and versions after 1.8, may have changed again: do not check */
	if ((!is_old && !is_new) || compat_libbpf(1, 9) || is_new == compat_libbpf(1, 7))
		return true;
	lua_pushnil(L);
	lua_pushfstring(
		L,
		"%s: program '%s' was compiled with the usdt.bpf.h of libbpf %s, and cannot "
		"read what libbpf %s writes for it; compile it with that one's",
		operation, bpf_program__name(prog), is_new ? "1.7 or newer" : "1.6 or older",
		libbpf_version_string());
	lua_pushinteger(L, EOPNOTSUPP);
	return false;
}
