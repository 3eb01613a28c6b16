/* The time that waits are measured with. */
#ifndef LBPF_BASE_CLOCK_H
#define LBPF_BASE_CLOCK_H

#include <time.h>

/* Milliseconds since some moment in the past. */
static inline long clock_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
