/* SEC() handlers: Lua functions that libbpf's callbacks call. */
#ifndef LBPF_OBJECT_HANDLER_H
#define LBPF_OBJECT_HANDLER_H

#include "base/compat.h"
#include "object/registry.h"

/* What the script's handlers need for the program sections of an object that is being opened. */
struct handler_needs {
	size_t n;
	struct registry_need list[];
};

/* Before an open: pushes and returns the needs of the sections named in SECTIONS (SIZE bytes, each
 * name with a zero byte at its end). They must be the subject of the frame in which libbpf opens.
 * Until handler_end() the object with the table ENV uses the present list of handlers.
 */
struct handler_needs *handler_begin(lua_State *L, int env, const char *sections, size_t size);
void handler_end(lua_State *L, int env);

/* Does this state have a handler for such a section, and is it generic, which comes after libbpf's
 * own? Sets the types that it gives to programs.
 */
enum handler_match { HANDLER_NONE, HANDLER_NAMED, HANDLER_GENERIC };
enum handler_match handler_types(lua_State *L, const char *section, enum bpf_prog_type *prog_type,
				 enum bpf_attach_type *attach_type);

/* Pushes the handler that the program was opened with; ENV is its object's table. If libbpf handles
 * the program, pushes nothing and returns false.
 */
bool handler_push(lua_State *L, int env, const struct bpf_program *prog);

/* Calls the attach function of the handler on top of the stack for the program at PROG, replaces
 * the handler by the result, a link or a list of links, and returns 1; 0 if there is nothing to
 * attach; or 3: nil, message, errno.
 */
int handler_attach(lua_State *L, int prog);

void handler_open(lua_State *L);

#endif
