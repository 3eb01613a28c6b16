/* A perf buffer of libbpf and its memory, and how both survive a fork. */
#ifndef LBPF_EVENT_PERFMEM_H
#define LBPF_EVENT_PERFMEM_H

#include "base/process.h"

struct perfmem {
	struct process_hook hook;
	struct perf_buffer *pb;               /* NULL: none, or freed */
	int map;                              /* the descriptor of its map */
	const struct process *maker, *mapper; /* who owns it, and who has mapped its memory */
};

/* Records that this process created PB. M must not move until perfmem_free(). */
void perfmem_own(struct perfmem *m, struct perf_buffer *pb, int map);

/* Raises unless this process owns it; maps its memory again if the owner has changed. */
void perfmem_check(lua_State *L, struct perfmem *m);

/* The memory of one CPU's buffer: a page, and the records. */
void *perfmem_at(const struct perfmem *m, int index, size_t *size);

/* Frees it in this process, and in the kernel if this process owns it. */
void perfmem_free(struct perfmem *m);

#endif
