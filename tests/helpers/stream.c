/* stream: sends numbered datagrams to 127.0.0.1, port 7001, where it listens itself, until there is
 * input. Prints how many were sent, and how many of them arrived.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(7001),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct pollfd input = {.fd = 0, .events = POLLIN};
	int receiver = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
	unsigned long sent = 0, arrived = 0;
	char byte = 0;

	if (receiver < 0 || sender < 0 ||
	    bind(receiver, (struct sockaddr *)&address, sizeof(address)))
		err(2, "socket");
	while (poll(&input, 1, 0) == 0) {
		if (sendto(sender, &byte, 1, 0, (struct sockaddr *)&address, sizeof(address)) != 1)
			err(2, "sendto");
		sent++;
		while (recv(receiver, &byte, 1, MSG_DONTWAIT) == 1)
			arrived++;
		usleep(50);
	}
	printf("%lu %lu\n", sent, arrived);
	return 0;
}
