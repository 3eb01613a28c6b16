/* datagrams [NETNS]: from the network namespace at that path, or this one, sends a datagram to port
 * 7001 and then one to 7002, both at 10.77.0.1, and waits for the second. Prints whether the first
 * has arrived: "arrived" or "dropped".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in at(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_aton("10.77.0.1", &address.sin_addr);
	return address;
}

static int receiver(int port)
{
	struct sockaddr_in address = at(port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		err(2, "port %d", port);
	return fd;
}

static void send_to(int fd, int port)
{
	struct sockaddr_in address = at(port);

	if (sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) != 1)
		err(2, "sendto %d", port);
}

int main(int argc, char **argv)
{
	int first = receiver(7001), second = receiver(7002), sender;
	struct pollfd wait = {.fd = second, .events = POLLIN};
	char byte;

	if (argc > 1 && setns(open(argv[1], O_RDONLY | O_CLOEXEC), CLONE_NEWNET))
		err(2, "%s", argv[1]);
	sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sender < 0)
		err(2, "socket");
	send_to(sender, 7001);
	send_to(sender, 7002);
	if (poll(&wait, 1, 10000) != 1)
		errx(2, "the second datagram did not arrive either");
	puts(recv(first, &byte, 1, MSG_DONTWAIT) == 1 ? "arrived" : "dropped");
	return 0;
}
