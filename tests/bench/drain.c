/* Draining a ring, in C: the limit. */
#include "bench.h"

static __u64 sum;

static int on_five(void *ctx, void *data, size_t size)
{
	sum += sum_of(data);
	return 0;
}

static int on_two(void *ctx, void *data, size_t size)
{
	const struct event *e = data;

	sum += e->pid + strnlen(e->comm, sizeof(e->comm));
	return 0;
}

static int on_bytes(void *ctx, void *data, size_t size)
{
	sum += size;
	return 0;
}

/* Counts and sums by name: open addressing, for fewer names than there are slots. */
static struct group {
	__u64 name[2], count, sum;
} groups[1024];

static int on_group(void *ctx, void *data, size_t size)
{
	const struct event *e = data;
	__u64 name[2];
	struct group *g;

	memcpy(name, e->comm, sizeof(name));
	g = &groups[(name[0] ^ name[1] * 31) * 0x9e3779b97f4a7c15 >> 54];
	while (g->count && (g->name[0] != name[0] || g->name[1] != name[1]))
		g = g == &groups[1023] ? groups : g + 1;
	memcpy(g->name, name, sizeof(name));
	g->count++;
	g->sum += e->cookie;
	sum += e->cookie + 1;
	return 0;
}

static void drain(struct bpf_object *object, const char *what, ring_buffer_sample_fn fn, long count)
{
	int map = bpf_object__find_map_fd_by_name(object, "ring");
	struct ring_buffer *ring = ring_buffer__new(map, fn, NULL, NULL);
	double start;

	CHECK(ring);
	for (int i = 0; i < WARM_UP; i++) {
		produce(object, count);
		CHECK(ring_buffer__consume(ring) == count);
	}
	produce(object, count);
	sum = 0;
	start = now();
	CHECK(ring_buffer__consume(ring) == count);
	report(what, now() - start, count, sum);
	ring_buffer__free(ring);
}

int main(int argc, char **argv)
{
	long count = atol(argv[2]), repeats = atol(argv[3]);
	struct bpf_object *object = bpf_object__open(argv[1]);

	CHECK(object && bpf_object__load(object) == 0);
	for (long i = 0; i < repeats; i++) {
		drain(object, "five fields", on_five, count);
		drain(object, "two fields", on_two, count);
		drain(object, "bytes", on_bytes, count);
		drain(object, "counts by name", on_group, count);
	}
	bpf_object__close(object);
}
