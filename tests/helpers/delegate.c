/* Runs a command in a user namespace of its own, to which a BPF file system delegates everything:
 * delegate COMMAND... The environment's BPFFS is the number of a descriptor of that file system.
 * Who has it mounted must be privileged, and who opens it in the namespace: so two processes do,
 * which share their descriptors.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* For the other process, in seconds: if that fails, its ends of the pipes are ours still. */
#define PATIENCE 30

static void write_file(pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(2, "%s", path);
	close(fd);
}

static void tell(int pipe, int number)
{
	if (number < 0 || write(pipe, &number, sizeof(number)) != sizeof(number))
		err(2, "tell");
}

static int hear(int pipe)
{
	int number;

	if (read(pipe, &number, sizeof(number)) != sizeof(number))
		exit(2); /* the other one has said why */
	return number;
}

static int in_namespace(int from, int to, char **command)
{
	char number[16];

	alarm(PATIENCE);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) {
		warn("unshare");
		close(to); /* its end of the pipe, too: the other one need not wait */
		exit(2);
	}
	tell(to, 0);
	hear(from); /* it has its map */
	if (setgid(0) || setuid(0))
		err(2, "setuid");
	tell(to, (int)syscall(SYS_fsopen, "bpf", 0));
	snprintf(number, sizeof(number), "%d", openat(hear(from), ".", O_RDONLY | O_DIRECTORY));
	setenv("BPFFS", number, 1);
	alarm(0);
	execvp(command[0], command);
	err(2, "%s", command[0]);
}

static int mount_it(int fs)
{
	static const char *const what[] = {"delegate_cmds", "delegate_maps", "delegate_progs",
					   "delegate_attachs"};

	for (int i = 0; i < 4; i++)
		if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, what[i], "any", 0))
			err(2, "%s", what[i]);
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		err(2, "fsconfig");
	return (int)syscall(SYS_fsmount, fs, 0, 0);
}

int main(int argc, char **argv)
{
	int there[2], back[2], status;
	pid_t pid;

	if (argc < 2)
		errx(2, "usage: delegate COMMAND...");
	if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
		err(2, "pipe");
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0)
		err(2, "clone");
	alarm(PATIENCE);
	if (pid == 0)
		return in_namespace(there[0], back[1], argv + 1);
	hear(back[0]);
	write_file(pid, "setgroups", "deny");
	write_file(pid, "gid_map", "0 0 1");
	write_file(pid, "uid_map", "0 0 1");
	tell(there[1], 0);
	tell(there[1], mount_it(hear(back[0])));
	alarm(0);
	if (waitpid(pid, &status, 0) != pid)
		err(2, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
