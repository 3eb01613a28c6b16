/* Objects that libbpf opens, but crashes on later. */
#ifndef LBPF_CHECK_GUARD_H
#define LBPF_CHECK_GUARD_H

#include "base/compat.h"

/* The name of a struct_ops map that SEC(".maps") declares; NULL if there is none. libbpf creates
 * such maps from SEC(".struct_ops"), takes this one for one of them, and follows a NULL pointer.
 */
const char *guard_stray_struct_ops(const struct bpf_object *obj);

/* The name of a struct_ops map for which libbpf would follow a NULL pointer in a load: before 1.4
 * it reads the kernel's types only if a program needs them. NULL if there is none.
 */
const char *guard_struct_ops_without_types(const struct bpf_object *obj);

#endif
