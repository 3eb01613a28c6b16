/* A process to probe: says its pid, and where in its file probe_add() is; then does what each line
 * of its input asks for, and answers with a line when it is done.
 */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sdt.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline __attribute__((always_inline)) long inlined(long n)
{
	__asm__ volatile("nop"); /* so that the call stays, and has an address */
	return n + 1000;
}

__attribute__((noinline)) long probe_add(long n)
{
	return inlined(n);
}

static long probe_static(long n)
{
	DTRACE_PROBE1(lbpf_test, called, n);
	return n;
}

static unsigned long file_offset(void *address)
{
	unsigned long start, end, offset, at = (unsigned long)address;
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps && fscanf(maps, "%lx-%lx %*s %lx%*[^\n]", &start, &end, &offset) == 3)
		if (at >= start && at < end)
			return at - start + offset;
	abort();
}

/* What bpf_get_current_pid_tgid() returns for this process: another number than getpid()'s in a PID
 * namespace. A program that returns it is run.
 */
static long kernel_pid(void)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_pid_tgid},
		{.code = BPF_ALU64 | BPF_RSH | BPF_K, .imm = 32},
		{.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr load, run;

	memset(&load, 0, sizeof(load));
	load.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	load.insns = (uintptr_t)insns;
	load.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	load.license = (uintptr_t) "GPL";
	memset(&run, 0, sizeof(run));
	run.test.prog_fd = (unsigned)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &run, sizeof(run)))
		abort();
	close((int)run.test.prog_fd);
	return run.test.retval;
}

int main(void)
{
	struct timespec shortest = {0, 1};
	char line[64];

	printf("%d %lu\n", (int)getpid(), file_offset(probe_add));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (strncmp(line, "add ", 4) == 0)
			printf("%ld\n", probe_add(atol(line + 4)));
		else if (strncmp(line, "usdt ", 5) == 0)
			printf("%ld\n", probe_static(atol(line + 5)));
		else if (strcmp(line, "nanosleep\n") == 0)
			printf("%ld\n", syscall(SYS_nanosleep, &shortest, NULL));
		else if (strcmp(line, "getpgid\n") == 0)
			printf("%ld\n", syscall(SYS_getpgid, 0));
		else if (strcmp(line, "kernel_pid\n") == 0)
			printf("%ld\n", kernel_pid());
		else
			puts("what?");
		fflush(stdout);
	}
	return 0;
}
