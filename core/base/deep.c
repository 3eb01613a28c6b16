#include "base/deep.h"

#include <pthread.h>
#include <signal.h>

/* What libbpf and the C library need apart from the recursion. */
#define BOTTOM ((size_t)1 << 20)

struct deep_call {
	void (*fn)(void *);
	void *arg;
};

static void *run_deep(void *arg)
{
	struct deep_call *call = arg;

	call->fn(call->arg);
	return NULL;
}

int deep_call(void (*fn)(void *), void *arg, size_t size)
{
	struct deep_call call = {fn, arg};
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	err = pthread_attr_setstacksize(&attr, (BOTTOM + size) & ~(BOTTOM - 1));
	sigfillset(&all); /* the host's handlers run where they always do */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!err)
		err = pthread_create(&thread, &attr, run_deep, &call);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	return err;
}
