#include "attach/relative.h"

#include "base/fd.h"
#include "base/value.h"

enum { IS_ID = 1 << 5, IS_LINK = 1 << 13 };

void relative_add_flags(lua_State *L, int arg, uint32_t *flags)
{
	int fd;

	if (!lua_istable(L, arg))
		return;
	lua_getfield(L, arg, "relative_fd");
	if (!lua_isnil(L, -1) && value_to_fd(L, -1, &fd) && fd_is(fd, "bpf-link"))
		*flags |= IS_LINK;
	lua_getfield(L, arg, "relative_id");
	if (!lua_isnil(L, -1))
		*flags |= IS_ID;
	lua_pop(L, 2);
}
