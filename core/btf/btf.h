/* Type information. Other modules see it as an owner: of split BTF on top of it, and of dumps. */
#ifndef LBPF_BTF_BTF_H
#define LBPF_BTF_BTF_H

#include "base/class.h"
#include "base/frame.h"
#include <bpf/btf.h>

/* The argument ARG; raises unless it is BTF that is open, and what it stands on too. */
struct owner *btf_check(lua_State *L, int arg);

/* The value at IDX; NULL unless it is BTF that is open. */
struct owner *btf_test(lua_State *L, int idx);

/* The same for BTF that is known already. */
void btf_check_open(lua_State *L, struct owner *owner);

/* The argument ARG; raises unless OPERATION may change it: no dump, no object, no BTF on top of it
 * has it.
 */
struct owner *btf_check_mine(lua_State *L, int arg, const char *operation);

/* The same for an OPERATION that adds or changes types: what they refer to is then unknown. */
struct owner *btf_change(lua_State *L, int arg, const char *operation);

/* For what follows references, as libbpf does without looking: raises unless they lead to types,
 * and no type contains itself. OWNER may be NULL.
 */
void btf_require_sound(lua_State *L, struct owner *owner);

/* The argument ARG, sound. */
struct owner *btf_check_sound(lua_State *L, int arg);

/* Between these nothing can change the BTF, so that pointers into it hold while Lua allocates, and
 * may run a finalizer. For want of memory alone may they be left by an error; then the BTF stays as
 * it is for good. OWNER may be NULL.
 */
void btf_begin_read(struct owner *owner);
void btf_end_read(struct owner *owner);

struct btf *btf_of(struct owner *owner);

/* Pushes BTF that is the object's, and ends with it. */
void btf_push_of(lua_State *L, struct owner *object, struct btf *btf);

/* While it is frozen nothing about it can be set. It must be kept, too, as often as thawed. */
void btf_freeze(struct owner *owner);
void btf_thaw(struct owner *owner);

/* Pushes a handle that libbpf's BTF is still to come for, see btf_fill(). BASE: the index of what
 * it will stand on, or 0.
 */
struct owner *btf_push(lua_State *L, const char *name, int base);

/* Gives it the BTF; NULL: there is none, and it is closed. */
void btf_fill(struct owner *owner, struct btf *btf);

/* Notes that libbpf has put it, which is at IDX, on top of the BTF at BASE instead. */
void btf_rebase(lua_State *L, int idx, int base);

/* Enters libbpf with SUBJECT, which may be the BTF itself, and keeps all that the BTF stands on
 * from being closed by what libbpf's messages are given to.
 */
void btf_enter(lua_State *L, struct frame *f, struct owner *owner, struct owner *subject);
void btf_leave(struct frame *f, struct owner *owner);

/* The argument ARG as the id of one of the types of BTF; raises if there is no such type. */
__u32 btf_check_id(lua_State *L, int arg, struct owner *owner);

/* Methods that other modules have, which open later. */
void btf_add_methods(lua_State *L, const luaL_Reg *methods);

void btf_open(lua_State *L);

#endif
