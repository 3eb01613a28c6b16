/* Does the kernel load a BPF program and make a map for this process? Says why not, on its standard
 * output. It uses neither lbpf nor libbpf: an error of theirs must not look like the kernel's no.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr, const char *what)
{
	int fd = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	if (fd < 0)
		printf("%s: %s\n", what, strerror(errno));
	return fd;
}

int main(void)
{
	/* r0 = 0; exit */
	const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
					 {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr prog, map;

	memset(&prog, 0, sizeof(prog));
	prog.prog_type = BPF_PROG_TYPE_KPROBE;
	prog.insns = (uintptr_t)insns;
	prog.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	prog.license = (uintptr_t) "GPL";
	memset(&map, 0, sizeof(map));
	map.map_type = BPF_MAP_TYPE_ARRAY;
	map.key_size = 4;
	map.value_size = 8;
	map.max_entries = 1;
	return bpf(BPF_PROG_LOAD, &prog, "BPF_PROG_LOAD") < 0 ||
	       bpf(BPF_MAP_CREATE, &map, "BPF_MAP_CREATE") < 0;
}
