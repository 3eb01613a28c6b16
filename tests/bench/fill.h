/* For the BPF programs: the I-th event. Sums over a million of them are exact in a double. */
#ifndef FILL_H
#define FILL_H

#include "event.h"

static inline void fill(struct event *e, __u32 i)
{
	e->pid = i;
	e->uid = 1000;
	e->ts = i * 3ULL;
	__builtin_memcpy(e->comm, "0-hello-world\0\0", 16);
	e->comm[0] += i % 10;
	e->cookie = (1ULL << 32) + i;
}

#endif
