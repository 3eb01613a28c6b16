/* One lookup, one update, and one read of a variable, in C. */
#include "bench.h"

#include <stddef.h>

#define KEYS 1024

static void lookups(int map, const char *what, size_t offset, long count)
{
	struct event value;
	double start = now();
	__u64 sum = 0;

	for (long i = 0; i < count; i++) {
		__u32 key = (__u32)i % KEYS;

		CHECK(bpf_map_lookup_elem(map, &key, &value) == 0);
		sum += *(__u64 *)((char *)&value + offset);
	}
	report(what, now() - start, count, sum);
}

static void updates(int map, const char *what, size_t offset, long count)
{
	struct event value = {.uid = 1000, .comm = "hello-world"};
	double start = now();

	for (long i = 0; i < count; i++) {
		__u32 key = (__u32)i % KEYS;

		*(__u64 *)((char *)&value + offset) = (1ULL << 32) + key;
		CHECK(bpf_map_update_elem(map, &key, &value, BPF_ANY) == 0);
	}
	report(what, now() - start, count, 0);
}

static void variable(struct bpf_object *object, long count)
{
	const volatile __u32 *number = section(object, ".data");
	double start = now();
	__u64 sum = 0;

	for (long i = 0; i < count; i++)
		sum += *number;
	report("variable", now() - start, count, sum);
}

int main(int argc, char **argv)
{
	long count = atol(argv[2]), repeats = atol(argv[3]);
	struct bpf_object *object = bpf_object__open(argv[1]);
	size_t cookie = offsetof(struct event, cookie);
	int counts, table;

	CHECK(object);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "counts"), KEYS);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "table"), KEYS);
	CHECK(bpf_object__load(object) == 0);
	produce(object, KEYS);
	counts = bpf_object__find_map_fd_by_name(object, "counts");
	table = bpf_object__find_map_fd_by_name(object, "table");
	for (long i = 0; i < repeats; i++) {
		lookups(counts, "lookup of a count", 0, count);
		lookups(table, "lookup of a struct", cookie, count);
		updates(counts, "update of a count", 0, count);
		updates(table, "update of a struct", cookie, count);
		variable(object, count);
	}
	bpf_object__close(object);
}
