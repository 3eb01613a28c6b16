/* How many events are lost when another process makes them at a rate, in C: loss OBJECT RATE... */
#include "bench.h"

#define BURSTS 1000 /* a second */

static __u64 sum, received;

static int on_event(void *ctx, void *data, size_t size)
{
	sum += sum_of(data);
	received++;
	return 0;
}

static void lose(const char *path, long rate)
{
	struct bpf_object *object = bpf_object__open(path);
	struct bpf_map *map = bpf_object__find_map_by_name(object, "ring");
	__u64 total = (__u64)rate, count = total / BURSTS;
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);
	volatile struct state *state;
	struct bpf_program *prog;
	struct ring_buffer *ring;
	char command[128];
	FILE *producer;

	bpf_map__set_max_entries(map, 1 << 20);
	CHECK(bpf_object__load(object) == 0);
	ring = ring_buffer__new(bpf_map__fd(map), on_event, NULL, NULL);
	state = section(object, ".bss");
	state->count = count;
	prog = bpf_object__find_program_by_name(object, "produce");
	CHECK(bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &size) == 0);
	snprintf(command, sizeof(command), "build/bench/burst %u %d %d", info.id, BURSTS,
		 1000000000 / BURSTS);
	producer = popen(command, "r");
	received = 0;
	/* an event that is being written wakes poll(), too, and cannot be read yet */
	for (double last = now(); received + state->lost < count * BURSTS;)
		if (ring_buffer__poll(ring, 100) > 0)
			last = now();
		else if (now() - last > 5)
			errx(1, "no events for five seconds");
	CHECK(pclose(producer) == 0);
	printf("%ld a second\t%llu\t%llu\n", rate, state->lost, received + state->lost);
	ring_buffer__free(ring);
	bpf_object__close(object);
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		lose(argv[1], atol(argv[i]));
}
