/* How types refer to each other, and how deep that goes. libbpf follows such references with
 * recursion, and without an eye on cycles.
 */
#ifndef LBPF_CHECK_BTFREFS_H
#define LBPF_CHECK_BTFREFS_H

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many types the type refers to, and which. */
unsigned btfrefs_count(const struct btf_type *t);
__u32 btfrefs_id(const struct btf_type *t, unsigned i);

enum btfrefs_kind {
	BTFREFS_SIZE, /* what a type's size depends on */
	BTFREFS_DATA, /* the same, and that values of the type lie where they should */
	BTFREFS_DECL, /* what its declaration in C depends on, pointers included */
};

struct btfrefs {
	const struct btf *btf;
	enum btfrefs_kind kind;
	struct {
		uint16_t depth, names;
	} * known; /* two a type: reached as it is, or through a pointer */
	size_t n;  /* types that KNOWN has room for */
	__u32 id;  /* the type that is at fault */
	const char *why;
};

/* False if there is no memory; in both cases btfrefs_free() is due. The btf may not change. */
bool btfrefs_init(struct btfrefs *w, const struct btf *btf, enum btfrefs_kind kind);
void btfrefs_free(struct btfrefs *w);

/* May libbpf follow what ID refers to? If not, w->id and w->why say what is wrong. The ids in BTF
 * must exist. Remembers what it has seen.
 */
bool btfrefs_check(struct btfrefs *w, __u32 id);

#endif
