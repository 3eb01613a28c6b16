/* Lua functions that make tables of structures: Lua sets members, which are arguments, in less time
 * than C does. lua/lbpf/maker.lua generates them, for the types of which codec_members() is not 0.
 * LuaJIT has its own for what it compiles.
 */
#ifndef LBPF_BTF_MAKER_H
#define LBPF_BTF_MAKER_H

#include "btf/codec.h"

/* Replaces the function on top by one that makes the table, and puts it in place of what
 * codec_push_members() pushes. FORM says whether that is what the function is called with, or what
 * it returns, and what comes before or after it: see lua/lbpf/maker.lua. NAMES and INTO are the
 * indexes of the codec's names, and of the table that is filled again or nil; SLOW is that of what
 * is called if the function returns nothing; 0: nothing is. False, and the function stays, if there
 * is no such function.
 */
bool maker_wrap(lua_State *L, const struct codec *c, int names, int into, int slow,
		const char *form);

void maker_open(lua_State *L);

#endif
