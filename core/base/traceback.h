/* Where an error was raised that a protected call has caught: it is raised again, unchanged, where
 * the stack of the callback is gone.
 */
#ifndef LBPF_BASE_TRACEBACK_H
#define LBPF_BASE_TRACEBACK_H

#include "base/compat.h"

/* Pushes the message handler for lua_pcall(). It never allocates. */
void traceback_push_handler(lua_State *L);

void traceback_open(lua_State *L);

#endif
