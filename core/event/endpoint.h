/* One end of a map that is a buffer: a descriptor of our own, so that the script may close its
 * descriptor, and the claim to be the only one at this end in the process. Two readers or two
 * writers of one buffer would see garbage.
 */
#ifndef LBPF_EVENT_ENDPOINT_H
#define LBPF_EVENT_ENDPOINT_H

#include "base/compat.h"
#include <linux/types.h>

struct frame;
struct owner;

struct endpoint {
	struct endpoint *next;
	int fd; /* -1: closed */
	__u32 map_id, max_entries;
	struct owner *object; /* the map's object, referenced until the end is closed; NULL: none */
	const int *keys; /* if the map has a buffer for each key: those that are used; NULL: all */
	int key_cnt;
};

/* The descriptor of the map at ARG: a map that has been created, or a descriptor. */
int endpoint_check(lua_State *L, int arg);

/* Opens the end of the map that FD refers to; KEYS must be set before. Returns 0 or -errno: EINVAL
 * if the map is not of TYPE, EBUSY if the process has such an end already.
 */
int endpoint_open(struct endpoint *e, int fd, enum bpf_map_type type);

/* Keeps the object of the map at ARG, if it has one, until the end is closed. So programs that fill
 * or drain the buffer stay attached while the script has only the buffer.
 */
void endpoint_keep(lua_State *L, struct endpoint *e, int arg);

/* Closing twice has no effect. */
void endpoint_close(struct endpoint *e);

/* Pushes the results of value_fail_logged() for OPERATION on the map at ARG. */
int endpoint_fail(lua_State *L, const struct frame *f, int arg, int err, const char *operation);

#endif
