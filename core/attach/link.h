/* Links: what keeps a program attached. */
#ifndef LBPF_ATTACH_LINK_H
#define LBPF_ATTACH_LINK_H

#include "base/class.h"

struct link;

/* What is attached, or that the link was opened by its path. */
enum link_of { LINK_OF_PROGRAM, LINK_OF_MAP, LINK_OPENED };

/* Pushes a handle without a link, so that nothing can fail once libbpf has created the link. NAME
 * is the name of what is attached, or the path; ENV is the object's table. An opened link has
 * neither OWNER nor ENV.
 */
struct link *link_push(lua_State *L, struct owner *owner, enum link_of of, const char *name,
		       int env);

/* Stores the link in the handle and in the object's list: it stays attached even if the handle is
 * collected, until it is destroyed or the object is closed. Without an object the handle owns it.
 */
void link_set(struct link *l, struct bpf_link *link);

/* Is the value at IDX an attached link, or a list with one? */
bool link_is_attached(lua_State *L, int idx);

/* Raises unless the value at IDX is an attached link of this object, or a list of those: the valid
 * results of a handler's function.
 */
void link_check_returned(lua_State *L, int idx, const struct owner *owner);

/* Destroys the link at IDX, or the links of a list. */
void link_destroy_returned(lua_State *L, int idx);

/* Has LINK registered the struct_ops map MAP? Both are descriptors. Updating a congestion control
 * with itself would add it to the kernel's list twice: Linux 6.12 panics.
 */
bool link_has_map(int link, int map);

void link_open(lua_State *L);

#endif
