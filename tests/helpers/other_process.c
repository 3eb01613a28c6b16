/* What another process does with a descriptor of a running one: other_process PID FD WHAT...
 *   readable      is it? The answer is the exit status, 0 or 1
 *   consume N     moves a ring buffer's reading position by N bytes, as a second consumer does
 */
#include <err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int borrow(pid_t pid, int number)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int fd = (int)syscall(SYS_pidfd_getfd, process, number, 0);

	if (fd < 0)
		err(2, "descriptor %d of process %d", number, (int)pid);
	return fd;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 4)
		errx(2, "usage: other_process PID FD readable|consume [N]");
	fd = borrow(atoi(argv[1]), atoi(argv[2]));
	if (strcmp(argv[3], "readable") == 0) {
		struct pollfd p = {fd, POLLIN, 0};

		return poll(&p, 1, 0) == 1 && p.revents & POLLIN ? 0 : 1;
	}
	if (strcmp(argv[3], "consume") == 0 && argc == 5) {
		unsigned long *position = mmap(NULL, (size_t)getpagesize(), PROT_READ | PROT_WRITE,
					       MAP_SHARED, fd, 0);

		if (position == MAP_FAILED)
			err(2, "mmap");
		*position += strtoul(argv[4], NULL, 10);
		return 0;
	}
	errx(2, "unknown request: %s", argv[3]);
}
