/* Variables that are harder to reach: static ones, whose maps user space cannot map, those of
 * functions, bit fields, integers of 128 bits, and those of an arena.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static volatile __u64 hits;
static volatile const int step = 2;
static volatile int seed = 40;
static volatile char label[16] = "first";

SEC("raw_tp") int count(void *ctx)
{
	hits += step;
	seed++;
	return label[0];
}

SEC("raw_tp") int one(void *ctx)
{
	static volatile __u64 calls = 10;

	return ++calls;
}

SEC("raw_tp") int two(void *ctx)
{
	static volatile __u64 calls = 20;

	return ++calls;
}
