/* What libbpf opens, and then crashes over. */
#ifndef LBPF_CHECK_GUARD_H
#define LBPF_CHECK_GUARD_H

#include "base/compat.h"

/* The name of a map that SEC(".maps") declares to be struct_ops; NULL if there is none. Those are
 * for libbpf to make, of SEC(".struct_ops"); it takes this one for such, and follows NULL.
 */
const char *guard_stray_struct_ops(const struct bpf_object *obj);

#endif
