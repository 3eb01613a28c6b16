/* File descriptors that a script owns: closed by close(), or when they are collected. */
#ifndef LBPF_BASE_FD_H
#define LBPF_BASE_FD_H

#include "base/compat.h"

struct fd;

/* Pushes an owner without a descriptor, so that nothing can fail once the descriptor exists. */
struct fd *fd_push(lua_State *L);
void fd_own(struct fd *fd, int number);

/* The owner at ARG, whose descriptor must be open. A number is duplicated, and an owner of the
 * duplicate replaces it at ARG. NULL, with errno set, if that fails.
 */
struct fd *fd_check_or_dup(lua_State *L, int arg);

/* Is the value at IDX such an owner? */
bool fd_test(lua_State *L, int idx);

int fd_number(const struct fd *fd);

/* Closes the descriptor if it is open. */
void fd_shut(struct fd *fd);

/* Clears the number, which something else owns now. */
void fd_disown(struct fd *fd);

/* A descriptor that is needed during one call: a number, an object that has one, or the path of a
 * file or directory (of a cgroup or namespace), which is open only during the call.
 */
struct fd_target {
	const char *path; /* NULL if the script passed a descriptor */
	int number;
};

/* Reads the value at IDX; false if it is none of these. */
bool fd_to_target(lua_State *L, int idx, struct fd_target *t);

/* Reads the argument ARG; raises on anything else. */
void fd_check_target(lua_State *L, int arg, struct fd_target *t);

/* Opens and closes the path. Nothing may raise between the two. The first returns false, with errno
 * set, if the path cannot be opened; the second keeps errno.
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
