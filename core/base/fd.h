/* File descriptors that a script owns: closed when it says so, or when they are collected. */
#ifndef LBPF_BASE_FD_H
#define LBPF_BASE_FD_H

#include "base/compat.h"

struct fd;

/* Pushes an owner without a descriptor, so that nothing can fail once there is one. */
struct fd *fd_push(lua_State *L);
void fd_own(struct fd *fd, int number);

/* The descriptor at ARG, which must be open; a number is duplicated, and the owner of the
 * duplicate takes its place at ARG. NULL, with errno set, if that fails.
 */
struct fd *fd_check_or_dup(lua_State *L, int arg);

/* Is the value at IDX such an owner? */
bool fd_test(lua_State *L, int idx);

int fd_number(const struct fd *fd);

/* Closes it now, if it is open. */
void fd_shut(struct fd *fd);

/* Somebody else owns the number now. */
void fd_disown(struct fd *fd);

/* A descriptor that is needed for one call only: a number or an object that has one; or the path of
 * a file or directory, a cgroup's or a namespace's, which is then open during that call.
 */
struct fd_target {
	const char *path; /* NULL: the descriptor was given */
	int number;
};

/* The value at IDX; false if it is none of these. */
bool fd_to_target(lua_State *L, int idx, struct fd_target *t);

/* The argument ARG; raises on anything else. */
void fd_check_target(lua_State *L, int arg, struct fd_target *t);

/* Between these two nothing may raise. The first is false, with errno set, if the path cannot be
 * opened; the second keeps errno.
 */
bool fd_target_open(struct fd_target *t);
void fd_target_close(struct fd_target *t);

/* Room for the name of an open file in /proc. */
#define FD_PATH_SIZE 32

/* "/proc/self/fd/FD": opening that opens the file anew. Returns PATH. */
char *fd_path(int fd, char path[FD_PATH_SIZE]);

/* What a descriptor refers to, which the kernel does not check for whoever asks about it:
 * "bpf-map", "bpf-prog", "bpf-link", "btf", "[perf_event]", or a file's path. False if it is not
 * open, or there is no /proc.
 */
bool fd_kind(int fd, char *kind, size_t size);
bool fd_is(int fd, const char *kind);

/* Raises unless the descriptor, which argument ARG gave, is of this kind, or its kind is unknown.
 */
void fd_check_kind(lua_State *L, int arg, int fd, const char *kind);

void fd_open(lua_State *L);

#endif
