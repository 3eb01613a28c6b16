/* How types refer to each other, and how deep the references go. libbpf follows references
 * recursively and does not detect cycles.
 */
#ifndef LBPF_CHECK_BTFREFS_H
#define LBPF_CHECK_BTFREFS_H

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of types that the type refers to, and their ids. */
unsigned btfrefs_count(const struct btf_type *t);
__u32 btfrefs_id(const struct btf_type *t, unsigned i);

enum btfrefs_kind {
	BTFREFS_SIZE, /* types on which a type's size depends */
	BTFREFS_DATA, /* the same, and checks that values are inside the type */
	BTFREFS_DECL, /* types on which its C declaration depends, including pointers */
	BTFREFS_LINK, /* types that the linker compares with another file's, including pointers */
};

struct btfrefs {
	const struct btf *btf;
	enum btfrefs_kind kind;
	struct {
		uint16_t depth, names;
	} * known; /* two per type: reached directly, or through a pointer */
	size_t n;  /* how many types KNOWN has space for */
	__u32 id;  /* the invalid type */
	const char *why;
};

/* False if there is not enough memory. Call btfrefs_free() in both cases. BTF must not change. */
bool btfrefs_init(struct btfrefs *w, const struct btf *btf, enum btfrefs_kind kind);
void btfrefs_free(struct btfrefs *w);

/* May libbpf follow the references of ID? If not, w->id and w->why tell the reason. The ids in BTF
 * must exist. Results are cached.
 */
bool btfrefs_check(struct btfrefs *w, __u32 id);

#endif
