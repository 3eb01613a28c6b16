/* A perf buffer of libbpf's, its memory, and what becomes of both when the process forks. */
#ifndef LBPF_EVENT_PERFMEM_H
#define LBPF_EVENT_PERFMEM_H

#include "base/process.h"

struct perfmem {
	struct process_hook hook;
	struct perf_buffer *pb;               /* NULL: none, or freed */
	int map;                              /* the descriptor of its map */
	const struct process *maker, *mapper; /* whose it is, and who has the memory */
};

/* This process has made PB; M stays where it is until perfmem_free(). */
void perfmem_own(struct perfmem *m, struct perf_buffer *pb, int map);

/* Raises unless this process has it, and its memory, which it gets back if it is an heir. */
void perfmem_check(lua_State *L, struct perfmem *m);

/* The memory of one CPU's buffer: a page, and the records. */
void *perfmem_at(const struct perfmem *m, int index, size_t *size);

/* Frees it here, and in the kernel if it is this process's. */
void perfmem_free(struct perfmem *m);

#endif
