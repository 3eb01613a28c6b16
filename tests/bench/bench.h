/* What the benchmark's C programs share. Each is run as PROGRAM OBJECT COUNT REPEATS, and prints a
 * line for each measurement: what was measured, nanoseconds for one, and a checksum.
 */
#ifndef BENCH_H
#define BENCH_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "event.h"

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what))                                                                       \
			err(1, "%s", #what);                                                       \
	} while (0)

/* A ring is drained so often before that is measured: then all its pages are mapped, twice as many
 * as it has, by the hypervisor as well. Counted in 300,000 events.
 */
#define WARM_UP 3

static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void report(const char *what, double seconds, long count, __u64 checksum)
{
	printf("%s\t%.2f\t%llu\n", what, seconds / (double)count * 1e9, checksum);
}

/* The sum of an event's fields; a string counts as its length. */
static inline __u64 sum_of(const struct event *e)
{
	return e->pid + e->uid + e->ts + strnlen(e->comm, sizeof(e->comm)) + e->cookie;
}

/* The memory of a section of the loaded object's variables. */
static inline void *section(struct bpf_object *object, const char *name)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		if (strstr(bpf_map__name(map), name)) {
			void *memory = mmap(NULL, bpf_map__value_size(map), PROT_READ | PROT_WRITE,
					    MAP_SHARED, bpf_map__fd(map), 0);

			CHECK(memory != MAP_FAILED);
			return memory;
		}
	}
	errx(1, "no %s", name);
}

/* Has the object's program produce so many. */
static inline void produce(struct bpf_object *object, long count)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_program *prog = bpf_object__find_program_by_name(object, "produce");
	struct state *state = section(object, ".bss");

	state->count = (__u64)count;
	CHECK(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) == 0);
	munmap(state, sizeof(*state));
}

#endif
