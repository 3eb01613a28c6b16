#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Never freed: the copies in forked processes may refer to it. */
struct process {
	const struct process *parent; /* NULL: no ancestor had loaded the module */
	pid_t pid;
	bool is_apart;            /* in a PID namespace in which its parent has no PID */
	unsigned long long start; /* start time, to detect a reused PID; 0: unknown */
};

static struct process *self;
static struct process_hook *hooks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Which processes are alive -------------------------------------------------------------------- */

/* The state and start time of a process; false if /proc does not show it. Does not allocate. */
static bool look(pid_t pid, char *state, unsigned long long *start)
{
	char path[32], text[1024];
	const char *rest;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	rest = strrchr(text, ')'); /* the end of the name, which may contain anything */
	if (!rest || sscanf(rest, ") %c", state) != 1)
		return false;
	rest += 2;
	for (int field = 3; field < 22 && rest; field++)
		rest = strchr(rest + 1, ' ');
	return rest && sscanf(rest, " %llu", start) == 1;
}

static bool is_alive(const struct process *p)
{
	unsigned long long start;
	char state;

	if (!look(p->pid, &state, &start)) /* /proc may hide it: assume it is alive if in doubt */
		return kill(p->pid, 0) == 0 || errno != ESRCH;
	return state != 'Z' && state != 'X' && (!p->start || p->start == start);
}

/* The oldest living process between MAKER and this one, which owns what MAKER created before this
 * process does; NULL if there is none.
 */
static const struct process *elder(const struct process *maker)
{
	const struct process *eldest = NULL;

	if (self->pid != getpid()) /* created without fork(), so no hook ran */
		return self;
	for (const struct process *p = self; p != maker && p->parent; p = p->parent)
		if (p->is_apart || is_alive(p->parent))
			eldest = p->parent;
	return eldest;
}

const struct process *process_self(void)
{
	return self;
}

bool process_owns(const struct process *maker)
{
	return !elder(maker);
}

void process_check(lua_State *L, const struct process *maker, const char *what, const char *quoted)
{
	const struct process *owner = elder(maker);

	if (owner)
		luaL_error(L, "%s%s%s%s belongs to process %d; this is %d, forked from it", what,
			   quoted ? " '" : "", quoted ? quoted : "", quoted ? "'" : "",
			   (int)owner->pid, (int)getpid());
}

/* Forking -------------------------------------------------------------------------------------- */

void process_hook_join(struct process_hook *h)
{
	pthread_mutex_lock(&lock);
	h->next = hooks;
	h->at = &hooks;
	if (h->next)
		h->next->at = &h->next;
	hooks = h;
	pthread_mutex_unlock(&lock);
}

void process_hook_leave(struct process_hook *h)
{
	pthread_mutex_lock(&lock);
	*h->at = h->next;
	if (h->next)
		h->next->at = h->at;
	pthread_mutex_unlock(&lock);
}

/* Without memory the child keeps its parent's record, whose PID differs, and owns nothing. */
static void become(const struct process *parent)
{
	struct process *p = calloc(1, sizeof(*p));
	char state;

	if (!p)
		return;
	p->parent = parent;
	p->pid = getpid();
	p->is_apart = getppid() == 0;
	look(p->pid, &state, &p->start);
	self = p;
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
	pthread_mutex_unlock(&lock);
	for (struct process_hook *h = hooks; h; h = h->next)
		h->on_fork(h);
	become(self);
}

static void process_begin(void)
{
	become(NULL);
	pthread_atfork(before_fork, in_parent, in_child);
}

void process_open(lua_State *L)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, process_begin);
	if (!self)
		luaL_error(L, "not enough memory");
}
