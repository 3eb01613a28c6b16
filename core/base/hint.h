/* What to do about an error, as far as a message can tell. */
#ifndef LBPF_BASE_HINT_H
#define LBPF_BASE_HINT_H

#include "base/compat.h"

/* The kernel's own error number for what it does not support, which the C library does not know. */
#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

/* Writes what to do next after ERR to OUT; "" if nothing is known. Of WHAT, "attach_kprobe: program
 * 'a'", the operation counts; of "attach: program 'a' to 'kprobe/b'", the section as well.
 */
void hint_find(int err, const char *what, char *out, size_t size);

/* The same, by what libbpf has printed: LOG, which ends with a zero byte. */
void hint_find_in_log(int err, const char *log, char *out, size_t size);

#endif
