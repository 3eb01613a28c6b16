/* Runs a loaded program again and again: burst PROGRAM-ID TIMES NANOSECONDS-FROM-ONE-TO-THE-NEXT */
#include <bpf/bpf.h>
#include <err.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int prog = bpf_prog_get_fd_by_id((unsigned)atoi(argv[1]));
	long times = atol(argv[2]), interval = atol(argv[3]);
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (long i = 0; i < times; i++) {
		if (bpf_prog_test_run_opts(prog, &opts))
			err(1, "program %s", argv[1]);
		next.tv_nsec += interval;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}
