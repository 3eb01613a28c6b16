/* Programs of an object. */
#ifndef LBPF_OBJECT_PROGRAM_H
#define LBPF_OBJECT_PROGRAM_H

#include "base/class.h"

/* The most instructions that the verifier takes. libbpf does not check the count. */
enum { PROGRAM_INSNS_MAX = 1000000 };

/* Pushes the program's only handle; ENV is its object's table. */
void program_push(lua_State *L, struct owner *owner, struct bpf_program *prog, int env);

/* The argument ARG; raises if it is not a program of an open object. */
struct bpf_program *program_check(lua_State *L, int arg, struct owner **owner);

/* The same; it must belong to this object. */
struct bpf_program *program_check_of(lua_State *L, int arg, const struct owner *owner);

/* The same; it must have been loaded. */
struct bpf_program *program_check_loaded(lua_State *L, int arg, struct owner **owner);

/* Adds methods of modules that are opened later. */
void program_add_methods(lua_State *L, const luaL_Reg *methods);

void program_open(lua_State *L);

#endif
