/* The running kernel's types. */
#ifndef LBPF_BTF_VMLINUX_H
#define LBPF_BTF_VMLINUX_H

#include <bpf/btf.h>

/* As btf__load_vmlinux_btf(), and with its errors. */
struct btf *vmlinux_load(void);

#endif
