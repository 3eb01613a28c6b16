/* Links: what keeps a program attached. */
#ifndef LBPF_LINK_H
#define LBPF_LINK_H

#include "class.h"

struct link;

/* Pushes a handle that has no link yet, so that nothing can fail once libbpf has made one. PROG
 * names what is attached; ENV is the object's table.
 */
struct link *link_push(lua_State *L, struct owner *owner, const char *prog, int env);

/* Gives it the link, and the object a reference: it stays attached though the script forgets
 * it, until it is destroyed or the object is closed.
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

void link_destroy_all(struct link **list);

void link_open(lua_State *L);

#endif
