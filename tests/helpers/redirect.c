/* redirect PATH: puts one end of two TCP connections into the socket map pinned at PATH, sends on
 * the first, and prints where it can be read: at the "peer", or at the "other" socket of the map.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/bpf.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void connection(int ends[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &size) ||
	    connect(ends[0], (struct sockaddr *)&address, size))
		err(2, "connect");
	ends[1] = accept(listener, NULL, NULL);
	if (ends[1] < 0)
		err(2, "accept");
}

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static void put(int map, uint32_t key, int fd)
{
	uint32_t value = (uint32_t)fd;
	union bpf_attr attr = {.map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)&value};

	if (bpf(BPF_MAP_UPDATE_ELEM, &attr))
		err(2, "update");
}

int main(int argc, char **argv)
{
	union bpf_attr attr = {.pathname = argc > 1 ? (uintptr_t)argv[1] : 0};
	int first[2], second[2], map = bpf(BPF_OBJ_GET, &attr);
	struct pollfd wait[2];

	if (map < 0)
		err(2, "%s", argc > 1 ? argv[1] : "PATH");
	connection(first);
	connection(second);
	put(map, 0, first[0]);
	put(map, 1, second[0]);
	if (send(first[0], "x", 1, 0) != 1)
		err(2, "send");
	wait[0] = (struct pollfd){.fd = first[1], .events = POLLIN};
	wait[1] = (struct pollfd){.fd = second[0], .events = POLLIN};
	if (poll(wait, 2, 10000) < 1)
		errx(2, "it arrived nowhere");
	puts(wait[1].revents & POLLIN ? "other" : "peer");
	return 0;
}
