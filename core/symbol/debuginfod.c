#include "symbol/debuginfod.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* As in <elfutils/debuginfod.h>, which need not be there. */
struct client;

static struct client *(*begin)(void);
static void (*end)(struct client *);
static int (*find_debuginfo)(struct client *, const unsigned char *, int, char **);

static void load_library(void)
{
	void *library = dlopen("libdebuginfod.so.1", RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);

	if (!library)
		return;
	*(void **)&begin = dlsym(library, "debuginfod_begin");
	*(void **)&end = dlsym(library, "debuginfod_end");
	*(void **)&find_debuginfo = dlsym(library, "debuginfod_find_debuginfo");
}

int debuginfod_check(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *urls = getenv("DEBUGINFOD_URLS");

	pthread_once(&once, load_library);
	if (!begin || !end || !find_debuginfo)
		return EOPNOTSUPP;
	return urls && *urls ? 0 : EDESTADDRREQ;
}

char *debuginfod_find(const unsigned char *build_id, size_t size)
{
	struct client *client = debuginfod_check() ? NULL : begin();
	char *path = NULL;
	int fd;

	if (!client)
		return NULL;
	fd = find_debuginfo(client, build_id, (int)size, &path);
	end(client);
	if (fd < 0)
		return NULL;
	close(fd);
	return path;
}
