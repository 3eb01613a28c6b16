/* libbpf's registry of SEC() handlers, which must not change while objects refer to it.
 *
 * libbpf has one array of handlers per process. A program that was opened through a handler points
 * into that array, and registering or unregistering reallocates it. So scripts' handlers are not
 * stored there: one fallback handler, which libbpf keeps in static storage, is registered once, for
 * good, and finds the script's functions by the section's name.
 *
 * An entry in the array is needed only for a section that libbpf would handle itself
 * ("kprobe/..."). Entries are made when an object that needs them is opened, and removed when the
 * last object that was opened through them has been loaded or closed; in between the array does not
 * change. An entry is a definition, "kprobe/" for programs of some type, and may serve several Lua
 * states. libbpf passes its cookie to the callbacks, which identifies the entry; each state knows
 * its own functions for it.
 */
#ifndef LBPF_OBJECT_REGISTRY_H
#define LBPF_OBJECT_REGISTRY_H

#include "base/compat.h"

/* Does the handler definition SEC ("abc", "abc/", "abc+") match the section NAME? */
bool registry_matches(const char *sec, const char *name);

/* The fallback's cookie: the section's name selects the functions. Cookies of entries are positive:
 * slot and generation of the array. So a stale cookie finds nothing.
 */
#define REGISTRY_BY_NAME (-1L)

/* Registers the callbacks with libbpf as the fallback, once per process. False if another user of
 * libbpf has registered a fallback: then there can be no generic handler.
 */
bool registry_start(const struct libbpf_prog_handler_opts *callbacks);

/* How a section of an object that is about to be opened must be handled. */
struct registry_need {
	const char *section;
	const char *sec; /* the definition of the script's handler; NULL: libbpf handles it */
	enum bpf_prog_type prog_type;
	enum bpf_attach_type attach_type;
	int order;   /* of the handler among the script's */
	long cookie; /* which the callbacks get for it, set when the open has begun */
	struct registry_need *next; /* while entries are chosen */
	bool gets_entry;
};

/* An object that is being opened, or points into libbpf's array. */
struct registry_user {
	struct registry_user *next;
	const char *name;
	bool listed;     /* among the users for which the array must not change */
	bool in_array;   /* some of its programs are handled by an entry in the array */
	char holder[64]; /* after EBUSY: the object that keeps the array from changing */
};

/* Locks the registry and prepares it for an open with these NEEDS, which are reordered. Returns 0;
 * or -errno, with the registry unlocked.
 */
int registry_begin(struct registry_user *user, struct registry_need *needs, size_t n);

/* Ends the open, and unlocks. */
void registry_end(struct registry_user *user, bool opened);

/* The object was loaded or closed, and does not use its handlers again. May be called twice. */
void registry_release(struct registry_user *user);

/* The types that libbpf gives to programs of this section; false if it does not know the section.
 */
bool registry_prog_type(const char *section, enum bpf_prog_type *prog_type,
			enum bpf_attach_type *attach_type);

/* The attach type for bpf_prog_attach(); false if such programs are not attached by it. */
bool registry_attach_type(const char *section, enum bpf_attach_type *attach_type);

#endif
