/* Signals that end a script, as they end other tools. */
#ifndef LBPF_EVENT_INTERRUPT_H
#define LBPF_EVENT_INTERRUPT_H

#include "base/compat.h"

void interrupt_open(lua_State *L);

/* Raises if a signal has ended the script: for functions that wait, which a script that goes on
 * after errors calls again.
 */
void interrupt_check(lua_State *L);

/* A signal came in another way, and the script knows. */
void interrupt_note(void);

#endif
