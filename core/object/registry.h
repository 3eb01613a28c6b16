/* libbpf's registry of SEC() handlers, kept still.
 *
 * libbpf has one array of handlers per process. A program opened through one of them points
 * into that array, and registering or unregistering moves it. So scripts' handlers do not live
 * there: one fallback handler, which libbpf keeps in static storage, is registered once and for
 * good, and finds the script's closures by the section's name.
 *
 * Only for a section that libbpf would handle by itself ("kprobe/...") an entry in the array is
 * needed. Entries are made when an object that needs them is opened, and go when the last
 * object opened through them has been loaded or closed; in between the array does not move.
 * An entry names a definition, "kprobe/" for programs of some type, and may serve several Lua
 * states: its cookie, which libbpf hands to the callbacks, says which entry it is, and each state
 * knows which of its closures it has for that.
 */
#ifndef LBPF_OBJECT_REGISTRY_H
#define LBPF_OBJECT_REGISTRY_H

#include "base/compat.h"

/* Does the handler definition SEC ("abc", "abc/", "abc+") match the section NAME? */
bool registry_matches(const char *sec, const char *name);

/* The fallback's cookie: the section's name says which closures are meant. Those of entries are
 * positive: the entry's slot, and the generation of the array that has it there. So one that is out
 * of date finds nothing.
 */
#define REGISTRY_BY_NAME (-1L)

/* Registers the callbacks with libbpf as the fallback, once per process. False if the fallback is
 * somebody else's: then there can be no generic handler.
 */
bool registry_start(const struct libbpf_prog_handler_opts *callbacks);

/* How one section of an object that is about to be opened shall be handled. */
struct registry_need {
	const char *section;
	const char *sec; /* the definition of the script's handler; NULL: by libbpf itself */
	enum bpf_prog_type prog_type;
	enum bpf_attach_type attach_type;
	int order;   /* of the handler among the script's */
	long cookie; /* what the callbacks get for it, once the open has begun */
};

/* An object that is being opened, or points into libbpf's array. */
struct registry_user {
	struct registry_user *next;
	const char *name;
	bool listed;     /* among the users, whom the array must not be moved under */
	bool in_array;   /* some program of it is handled by an entry in the array */
	char holder[64]; /* after EBUSY: whose open object is in the way */
};

/* Locks the registry and readies it for an open with these NEEDS, which are reordered. 0, or
 * -errno with the registry unlocked.
 */
int registry_begin(struct registry_user *user, struct registry_need *needs, size_t n);

/* The open is over. Unlocks. */
void registry_end(struct registry_user *user, bool opened);

/* The object was loaded or closed, and will not look at its handlers again. Idempotent. */
void registry_release(struct registry_user *user);

/* The types that libbpf gives programs of this section; false if it handles none such. */
bool registry_prog_type(const char *section, enum bpf_prog_type *prog_type,
			enum bpf_attach_type *attach_type);

/* The attach type for bpf_prog_attach(); false if such programs are not attached that way. */
bool registry_attach_type(const char *section, enum bpf_attach_type *attach_type);

#endif
