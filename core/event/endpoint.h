/* One end of a map that is a buffer: a descriptor of our own, so that the number stays this map's
 * whoever closes theirs, and the claim to be the only one at this end in the process. Two that read
 * or write one buffer see garbage.
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
	struct owner *object; /* that the map is of, kept until then; NULL: none */
	const int *keys; /* of a map with a buffer for each key, those that are used; NULL: all */
	int key_cnt;
};

/* The descriptor of the map at ARG: a map that exists, or a descriptor. */
int endpoint_check(lua_State *L, int arg);

/* Opens the end of the map that FD refers to; KEYS are set before. 0, or -errno: EINVAL if the map
 * is not of TYPE, EBUSY if the process has such an end already.
 */
int endpoint_open(struct endpoint *e, int fd, enum bpf_map_type type);

/* Keeps the object of the map at ARG, if it has one, until the end is closed: what fills or drains
 * the buffer stays attached, though the script has only this.
 */
void endpoint_keep(lua_State *L, struct endpoint *e, int arg);

/* Closing twice is harmless. */
void endpoint_close(struct endpoint *e);

/* Pushes what value_fail_logged() does, about OPERATION on the map at ARG. */
int endpoint_fail(lua_State *L, const struct frame *f, int arg, int err, const char *operation);

#endif
