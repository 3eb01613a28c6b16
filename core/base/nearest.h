/* Which of the names that there are comes nearest to one that there is not. */
#ifndef LBPF_BASE_NEAREST_H
#define LBPF_BASE_NEAREST_H

#include "base/compat.h"

/* The most candidates that a message lists. */
enum { CANDIDATES_MAX = 8 };

/* How many names a message shows, and of each how much. */
#define NEAREST_MAX  24
#define NEAREST_NAME 64

struct nearest {
	const char *wanted;
	size_t total; /* of the names that were added */
	size_t n;
	struct {
		unsigned distance;
		char name[NEAREST_NAME];
	} best[NEAREST_MAX]; /* the nearest first, those as near by the alphabet */
};

/* Copies the name; NULL and "" are none. Names are to be added once each. */
void nearest_add(struct nearest *n, const char *name);

/* Pushes "pid, ppid, comm and 7 more"; "none" if there are none. */
const char *nearest_push(lua_State *L, const struct nearest *n);

void nearest_open(lua_State *L);

#endif
