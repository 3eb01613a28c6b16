/* Programs that write to their streams. Its kernel function is Linux 7.0's. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { STDOUT = 1, STDERR = 2 };

extern int bpf_stream_vprintk(int stream_id, const char *fmt__str, const void *args,
			      __u32 len__sz) __ksym;

SEC("syscall") int speak(void *ctx)
{
	static const char number[] = "the number is %d\n", complaint[] = "nothing but %d\n";
	__u64 answer = 42, zero = 0;

	bpf_stream_vprintk(STDOUT, number, &answer, sizeof(answer));
	bpf_stream_vprintk(STDERR, complaint, &zero, sizeof(zero));
	return 0;
}
