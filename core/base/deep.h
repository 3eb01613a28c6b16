/* A stack for recursion that is as deep as its input is long. */
#ifndef LBPF_BASE_DEEP_H
#define LBPF_BASE_DEEP_H

#include <stddef.h>

/* Runs FN(ARG) on a stack of SIZE bytes and some more, in a thread of its own that this one waits
 * for: FN knows no Lua, and no frame. 0, or why there is no such stack.
 */
int deep_call(void (*fn)(void *), void *arg, size_t size);

#endif
