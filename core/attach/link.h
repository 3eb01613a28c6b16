/* Links: what keeps a program attached. */
#ifndef LBPF_ATTACH_LINK_H
#define LBPF_ATTACH_LINK_H

#include "base/class.h"

struct link;

/* What is attached, or how the link was obtained. */
enum link_of { LINK_OF_PROGRAM, LINK_OF_MAP, LINK_OPENED };

/* Pushes a handle that has no link yet, so that nothing can fail once libbpf has made one. NAME is
 * that of what is attached, or the path it was opened at; ENV is the object's table. An opened
 * link has neither OWNER nor ENV.
 */
struct link *link_push(lua_State *L, struct owner *owner, enum link_of of, const char *name,
		       int env);

/* Gives it the link, and the object a reference: it stays attached though the script forgets
 * it, until it is destroyed or the object is closed. Without an object it is the handle's.
 */
void link_set(struct link *l, struct bpf_link *link);

/* Is the value at IDX a link that is attached, or a list of links one of which is? */
bool link_is_attached(lua_State *L, int idx);

/* Raises unless the value at IDX is a link of this object that is attached, or a list of those:
 * what a handler's closure may return.
 */
void link_check_returned(lua_State *L, int idx, const struct owner *owner);

/* Destroys the link at IDX, or those of a list. */
void link_destroy_returned(lua_State *L, int idx);

/* Is MAP the very struct_ops map that LINK has registered? Both are descriptors. To update a
 * congestion control with itself enters it in the kernel's list twice: Linux 6.12 panics.
 */
bool link_has_map(int link, int map);

void link_open(lua_State *L);

#endif
