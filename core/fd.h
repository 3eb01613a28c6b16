/* File descriptors that a script owns: closed when it says so, or when they are collected. */
#ifndef LBPF_FD_H
#define LBPF_FD_H

#include "compat.h"

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

/* Somebody else owns the number now. */
void fd_disown(struct fd *fd);

void fd_open(lua_State *L);

#endif
