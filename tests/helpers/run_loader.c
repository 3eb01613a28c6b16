/* Runs a loader program, as a light skeleton does: run_loader INSNS DATA MAPS PROGRAMS
 * Prints a line for each map and program that it has loaded: "map TYPE MAX_ENTRIES", "prog NAME".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/skel_internal.h>

static char *read_file(const char *path, size_t *size)
{
	static char buf[2][1 << 20];
	static int n;
	FILE *f = fopen(path, "rb");

	if (!f)
		return NULL;
	*size = fread(buf[n], 1, sizeof(buf[n]), f);
	fclose(f);
	return buf[n++];
}

/* bpf(BPF_OBJ_GET_INFO_BY_FD): the loader needs no libbpf, and neither does this */
static int get_info(int fd, void *info, __u32 size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = fd;
	attr.info.info = (unsigned long)info;
	attr.info.info_len = size;
	return skel_sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
}

int main(int argc, char **argv)
{
	int maps = argc == 5 ? atoi(argv[3]) : 0, progs = argc == 5 ? atoi(argv[4]) : 0;
	size_t insns_size = 0, data_size = 0;
	struct bpf_load_and_run_opts opts = {.insns = argc == 5 ? read_file(argv[1], &insns_size)
								: NULL};
	struct bpf_map_desc *map;
	struct bpf_prog_desc *prog;
	struct bpf_loader_ctx *ctx;
	size_t size = sizeof(*ctx) + maps * sizeof(*map) + progs * sizeof(*prog);

	opts.data = opts.insns ? read_file(argv[2], &data_size) : NULL;
	if (!opts.data)
		return 2;
	opts.insns_sz = insns_size;
	opts.data_sz = data_size;
	ctx = opts.ctx = calloc(1, size);
	ctx->sz = size;
	if (bpf_load_and_run(&opts) < 0) {
		fprintf(stderr, "%s: %s\n", opts.errstr, strerror(errno));
		return 1;
	}
	map = (void *)(ctx + 1);
	prog = (void *)(map + maps);
	for (int i = 0; i < maps; i++) {
		struct bpf_map_info info = {0};

		get_info(map[i].map_fd, &info, sizeof(info));
		printf("map %u %u\n", info.type, info.max_entries);
	}
	for (int i = 0; i < progs; i++) {
		struct bpf_prog_info info = {0};

		get_info(prog[i].prog_fd, &info, sizeof(info));
		printf("prog %s\n", info.name);
	}
	return 0;
}
