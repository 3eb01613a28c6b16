/* Reading a whole hash map, in C: in batches, and key by key. */
#include "bench.h"

#define BATCH 4096

static __u64 sum;

static void in_batches(int map)
{
	static struct event values[BATCH];
	static __u32 keys[BATCH];
	__u32 position, *in = NULL;
	int ret;

	do {
		__u32 n = BATCH;

		ret = bpf_map_lookup_batch(map, in, &position, keys, values, &n, NULL);
		CHECK(ret == 0 || ret == -ENOENT);
		for (__u32 i = 0; i < n; i++)
			sum += keys[i] + sum_of(&values[i]);
		in = &position;
	} while (ret == 0);
}

static void key_by_key(int map)
{
	__u32 key, *last = NULL;
	struct event value;

	while (bpf_map_get_next_key(map, last, &key) == 0) {
		CHECK(bpf_map_lookup_elem(map, &key, &value) == 0);
		sum += key + sum_of(&value);
		last = &key;
	}
}

static void iterate(int map, const char *what, void (*fn)(int), long count)
{
	double start = now();

	sum = 0;
	fn(map);
	report(what, now() - start, count, sum);
}

int main(int argc, char **argv)
{
	long count = atol(argv[2]), repeats = atol(argv[3]);
	struct bpf_object *object = bpf_object__open(argv[1]);
	int map;

	CHECK(object && bpf_object__load(object) == 0);
	produce(object, count);
	map = bpf_object__find_map_fd_by_name(object, "table");
	for (long i = 0; i < repeats; i++) {
		iterate(map, "in batches", in_batches, count);
		iterate(map, "one by one", key_by_key, count);
	}
	bpf_object__close(object);
}
