#include "object/registry.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Matches no real section, and is never removed: libbpf 1.1 frees an array that became empty, and
 * uses it afterwards.
 */
#define SENTINEL "\001lbpf"

struct entry {
	struct entry *next;
	long cookie;
	enum bpf_prog_type prog_type;
	enum bpf_attach_type attach_type;
	int id;
	char sec[];
};

/* Recursive: a callback of an open may open another object. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct libbpf_prog_handler_opts trampolines;
static struct registry_user *users;
static struct entry *entries; /* our entries in libbpf's array, in its order */
static bool fallback_is_ours, have_sentinel;

/* A cookie identifies an entry by its slot and by the generation of the array. Generations use the
 * other half of a long that has 32 bits.
 */
enum { SLOT_BITS = 16 };
static uint32_t generation = 1;
static long slots; /* in use: 0 to slots - 1 */

bool registry_matches(const char *sec, const char *name)
{
	size_t len = strlen(sec);

	switch (sec[len - 1]) {
	case '/':
		return strncmp(name, sec, len) == 0;
	case '+':
		len--;
		return strncmp(name, sec, len) == 0 && (name[len] == '\0' || name[len] == '/');
	default:
		return strcmp(name, sec) == 0;
	}
}

bool registry_start(const struct libbpf_prog_handler_opts *callbacks)
{
	bool ours;

	pthread_mutex_lock(&lock);
	if (!trampolines.sz) {
		trampolines = *callbacks;
		trampolines.cookie = REGISTRY_BY_NAME;
		fallback_is_ours = libbpf_register_prog_handler(NULL, BPF_PROG_TYPE_UNSPEC, 0,
								&trampolines) > 0;
	}
	ours = fallback_is_ours;
	pthread_mutex_unlock(&lock);
	return ours;
}

static const struct entry *find_entry(const char *section)
{
	for (const struct entry *e = entries; e; e = e->next)
		if (registry_matches(e->sec, section))
			return e;
	return NULL;
}

/* Would any handler but our fallback match this section? */
static bool is_taken(const char *section)
{
	enum bpf_prog_type type = BPF_PROG_TYPE_UNSPEC;
	enum bpf_attach_type attach_type;

	if (!fallback_is_ours)
		return true;
	return libbpf_prog_type_by_name(section, &type, &attach_type) == 0 &&
	       type != BPF_PROG_TYPE_UNSPEC;
}

static bool need_fits(const struct registry_need *need)
{
	const struct entry *e = find_entry(need->section);

	if (!need->sec)
		return !e;
	if (!e)
		return !is_taken(need->section);
	return e->prog_type == need->prog_type && e->attach_type == need->attach_type;
}

static void clear_entries(void)
{
	if (entries)
		generation++;
	slots = 0;
	while (entries) {
		struct entry *e = entries;

		entries = e->next;
		libbpf_unregister_prog_handler(e->id);
		free(e);
	}
}

static int add_entry(const struct registry_need *need)
{
	struct libbpf_prog_handler_opts callbacks = trampolines;
	size_t len = strlen(need->sec) + 1;
	struct entry *e, **last = &entries;

	if (!have_sentinel) {
		int err = libbpf_register_prog_handler(SENTINEL, BPF_PROG_TYPE_UNSPEC, 0, NULL);

		if (err < 0)
			return err;
		have_sentinel = true;
	}
	if (slots >> SLOT_BITS)
		return -E2BIG;
	e = malloc(sizeof(*e) + len);
	if (!e)
		return -ENOMEM;
	*e = (struct entry){.prog_type = need->prog_type, .attach_type = need->attach_type};
	memcpy(e->sec, need->sec, len);
	e->cookie = (long)(generation & (LONG_MAX >> SLOT_BITS)) << SLOT_BITS | slots;
	callbacks.cookie = e->cookie;
	e->id = libbpf_register_prog_handler(e->sec, e->prog_type, e->attach_type, &callbacks);
	if (e->id < 0) {
		int err = e->id;

		free(e);
		return err;
	}
	slots++;
	while (*last)
		last = &(*last)->next;
	*last = e;
	return 0;
}

static int by_order(const void *a, const void *b)
{
	const struct registry_need *x = a, *y = b;

	return x->order - y->order;
}

/* Does the section need an entry: has libbpf a handler for it, or would one of the entries CHOSEN
 * match it?
 */
static bool needs_entry(const char *section, const struct registry_need *chosen)
{
	for (; chosen; chosen = chosen->next)
		if (registry_matches(chosen->sec, section))
			return true;
	return is_taken(section);
}

/* Chooses the handlers that get an entry, by the first of their needs. The fallback serves the
 * others. It is better where it can be used: since libbpf 1.3, an entry's program whose type is
 * changed is detached from the entry. NEEDS are in the handlers' order.
 */
static void choose_entries(struct registry_need *needs, size_t n)
{
	struct registry_need *chosen = NULL, *first = needs;
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++) {
			if (needs[i].order != first->order || i == 0)
				first = &needs[i];
			if (!needs[i].sec || first->gets_entry ||
			    !needs_entry(needs[i].section, chosen))
				continue;
			first->gets_entry = more = true;
			first->next = chosen;
			chosen = first;
		}
	}
}

/* Gives the array the entries for these needs, and no others. */
static int rebuild(struct registry_need *needs, size_t n)
{
	int err = 0;

	clear_entries();
	qsort(needs, n, sizeof(*needs), by_order);
	choose_entries(needs, n);
	for (size_t i = 0; i < n && !err; i++)
		if (needs[i].gets_entry)
			err = add_entry(&needs[i]);
	if (err)
		clear_entries();
	return err;
}

static void enlist(struct registry_user *user)
{
	user->next = users;
	users = user;
	user->listed = true;
}

static void delist(struct registry_user *user)
{
	struct registry_user **u = &users;

	while (*u != user)
		u = &(*u)->next;
	*u = user->next;
	user->listed = user->in_array = false;
	if (!users)
		clear_entries();
}

int registry_begin(struct registry_user *user, struct registry_need *needs, size_t n)
{
	bool all_fit = true;
	int err = 0;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n; i++)
		all_fit = all_fit && need_fits(&needs[i]);
	if (!all_fit && users) {
		snprintf(user->holder, sizeof(user->holder), "%s", users->name);
		err = -EBUSY;
	} else if (!all_fit) {
		err = rebuild(needs, n);
	}
	if (err) {
		pthread_mutex_unlock(&lock);
		return err;
	}
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = find_entry(needs[i].section);

		needs[i].cookie = e ? e->cookie : REGISTRY_BY_NAME;
		if (e || registry_matches(SENTINEL, needs[i].section))
			user->in_array = true;
	}
	/* Also an object that does not need the array: its programs have still to be matched. */
	enlist(user);
	return 0;
}

void registry_end(struct registry_user *user, bool opened)
{
	if (!opened || !user->in_array)
		delist(user);
	pthread_mutex_unlock(&lock);
}

void registry_release(struct registry_user *user)
{
	pthread_mutex_lock(&lock);
	if (user->listed)
		delist(user);
	pthread_mutex_unlock(&lock);
}

bool registry_prog_type(const char *section, enum bpf_prog_type *prog_type,
			enum bpf_attach_type *attach_type)
{
	bool found;

	pthread_mutex_lock(&lock);
	found = libbpf_prog_type_by_name(section, prog_type, attach_type) == 0;
	if (found && fallback_is_ours && *prog_type == BPF_PROG_TYPE_UNSPEC)
		found = false; /* only the fallback matched */
	pthread_mutex_unlock(&lock);
	return found;
}

bool registry_attach_type(const char *section, enum bpf_attach_type *attach_type)
{
	bool found;

	pthread_mutex_lock(&lock);
	found = libbpf_attach_type_by_name(section, attach_type) == 0;
	pthread_mutex_unlock(&lock);
	return found;
}
