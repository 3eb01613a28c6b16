/* The running kernel's types. */
#ifndef LBPF_BTF_VMLINUX_H
#define LBPF_BTF_VMLINUX_H

#include <bpf/btf.h>
#include <stdbool.h>

/* As btf__load_vmlinux_btf(), and with its errors. *IS_SOUND: it comes from the kernel, which has
 * checked it. To check it again would take as long as to load it.
 */
struct btf *vmlinux_load(bool *is_sound);

#endif
