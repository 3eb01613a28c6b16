/* Iterators for LuaJIT. A trace keeps the C closures that it calls, and so whatever these refer to:
 * an object's descriptors would stay as long as the compiled loop. It keeps no Lua closure of a
 * function that has many. In other Luas a C closure does.
 */
#ifndef LBPF_BASE_ITERATOR_H
#define LBPF_BASE_ITERATOR_H

#include "base/compat.h"

/* Pops N values, 1 to 3, and pushes a function that calls STEP with them. False, and nothing is
 * done, if this is not LuaJIT.
 */
bool iterator_push(lua_State *L, lua_CFunction step, int n);

void iterator_open(lua_State *L);

#endif
