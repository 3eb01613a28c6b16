/* How types refer to each other, and how deep that goes. libbpf follows such references with
 * recursion, and without an eye on cycles.
 */
#ifndef LBPF_CHECK_BTFWALK_H
#define LBPF_CHECK_BTFWALK_H

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many types the type refers to, and which. */
unsigned btfwalk_refs(const struct btf_type *t);
__u32 btfwalk_ref(const struct btf_type *t, unsigned i);

enum btfwalk_kind {
	BTFWALK_SIZE, /* what a type's size depends on */
	BTFWALK_DATA, /* the same, and that values of the type lie where they should */
	BTFWALK_DECL, /* what its declaration in C depends on, pointers included */
};

struct btfwalk {
	const struct btf *btf;
	enum btfwalk_kind kind;
	struct {
		uint16_t depth, names;
	} * known; /* two a type: reached as it is, or through a pointer */
	size_t n;  /* types that KNOWN has room for */
	__u32 id;  /* the type that is at fault */
	const char *why;
};

/* False if there is no memory; in both cases btfwalk_free() is due. The btf may not change. */
bool btfwalk_init(struct btfwalk *w, const struct btf *btf, enum btfwalk_kind kind);
void btfwalk_free(struct btfwalk *w);

/* May libbpf follow what ID refers to? If not, w->id and w->why say what is wrong. The ids in BTF
 * must exist. Remembers what it has seen.
 */
bool btfwalk_check(struct btfwalk *w, __u32 id);

#endif
