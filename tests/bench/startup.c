/* Opening, loading and attaching an object, in C. */
#include "bench.h"

#include <unistd.h>

int main(int argc, char **argv)
{
	long repeats = atol(argv[2]);

	for (long i = 0; i < repeats; i++) {
		struct bpf_link *links[32];
		double start = now(), end;
		struct bpf_object *object = bpf_object__open(argv[1]);
		struct bpf_program *prog;
		__u64 n = 0;

		CHECK(object && bpf_object__load(object) == 0);
		bpf_object__for_each_program(prog, object)
		{
			links[n] = bpf_program__attach(prog);
			CHECK(links[n++]);
		}
		end = now();
		report("open, load, attach", end - start, 1, n);
		for (__u64 j = 0; j < n; j++)
			bpf_link__destroy(links[j]);
		bpf_object__close(object);
		usleep(50000); /* what the kernel puts off shall be done by then */
	}
}
