#include "check/btfrefs.h"

#include <stdlib.h>

/* libbpf's recursion uses some hundred bytes of stack per level. Types of kernels need about 40
 * levels. */
#define DEPTH_MAX 512

/* How many names a declaration may put on libbpf's stack of names. libbpf 1.1 to 1.7 use memory
 * after it was reallocated if the stack grows beyond this.
 */
#define NAMES_MAX 16

enum { UNKNOWN = 0, OPEN = UINT16_MAX };

unsigned btfrefs_count(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
	case BTF_KIND_TYPE_TAG:
		return 1;
	case BTF_KIND_ARRAY:
		return 2;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
		return btf_vlen(t);
	case BTF_KIND_FUNC_PROTO:
		return btf_vlen(t) + 1U;
	default:
		return 0;
	}
}

__u32 btfrefs_id(const struct btf_type *t, unsigned i)
{
	switch (btf_kind(t)) {
	case BTF_KIND_ARRAY:
		return i == 0 ? btf_array(t)->type : btf_array(t)->index_type;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return btf_members(t)[i].type;
	case BTF_KIND_DATASEC:
		return btf_var_secinfos(t)[i].type;
	case BTF_KIND_FUNC_PROTO:
		return i == 0 ? t->type : btf_params(t)[i - 1].type;
	default:
		return t->type;
	}
}

/* Does the chain of references end here? */
static bool is_leaf(const struct btfrefs *w, const struct btf_type *t, bool through_pointer)
{
	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
	case BTF_KIND_FUNC_PROTO:
	case BTF_KIND_FUNC:
	case BTF_KIND_DECL_TAG:
		return w->kind != BTFREFS_DECL && w->kind != BTFREFS_LINK;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION: /* declared by its name, unless it is anonymous; compared by its kind
			      */
		return through_pointer &&
		       ((w->kind == BTFREFS_DECL && t->name_off) || w->kind == BTFREFS_LINK);
	default:
		return btfrefs_count(t) == 0;
	}
}

static bool has_usual_size(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_FLOAT:
		if (t->size == 12)
			return true;
		/* fall through */
	case BTF_KIND_INT:
		if (t->size == 16)
			return true;
		/* fall through */
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return t->size == 1 || t->size == 2 || t->size == 4 || t->size == 8;
	default:
		return true;
	}
}

/* Does each member have a type with values, and begin inside the type? */
static bool has_members(const struct btf *btf, const struct btf_type *t)
{
	if (t->size >= 1U << 28) /* libbpf counts bits in an int */
		return false;
	for (unsigned i = 0; i < btf_vlen(t); i++)
		if (btf_member_bit_offset(t, i) > 8 * t->size ||
		    btf__align_of(btf, btf_members(t)[i].type) <= 0)
			return false;
	return true;
}

/* Does each part end inside the whole? An old-style bit field is an integer that may end outside.
 */
static bool holds_values(const struct btf *btf, const struct btf_type *t)
{
	bool is_section = btf_kind(t) == BTF_KIND_DATASEC;

	for (unsigned i = 0; i < btf_vlen(t); i++) {
		__u32 id = btfrefs_id(t, i);
		__s64 size = btf__resolve_size(btf, id), start;
		__u32 bits = is_section ? 0 : btf_member_bitfield_size(t, i);
		int what = btf__resolve_type(btf, id);

		if (size < 0 || what < 0)
			return false;
		if (is_section) {
			start = btf_var_secinfos(t)[i].offset;
		} else if (bits) {
			start = btf_member_bit_offset(t, i);
			if (bits > 64 || start + bits > (__s64)t->size * 8 || size > 8)
				return false;
			continue;
		} else {
			start = btf_member_bit_offset(t, i) / 8;
		}
		if (btf_is_int(btf__type_by_id(btf, (__u32)what)) && start < t->size)
			continue;
		if (start + size > t->size)
			return false;
	}
	return true;
}

static bool refuse_ref(struct btfrefs *w, __u32 id, const char *why)
{
	w->id = id;
	w->why = why;
	return false;
}

static bool size_fits(struct btfrefs *w, __u32 id, const struct btf_type *t)
{
	unsigned kind = btf_kind(t);
	bool is_composite = btf_is_composite(t);

	if (w->kind == BTFREFS_SIZE || w->kind == BTFREFS_LINK)
		return true;
	if (!has_usual_size(t))
		return refuse_ref(w, id, "has a size that is invalid for its kind");
	if (w->kind == BTFREFS_DECL && is_composite && !has_members(w->btf, t))
		return refuse_ref(w, id, "has members that cannot be declared");
	if (w->kind == BTFREFS_DATA && (is_composite || kind == BTF_KIND_DATASEC) &&
	    !holds_values(w->btf, t))
		return refuse_ref(w, id, "has members outside of it");
	return true;
}

/* Is what a type refers to behind a pointer, if the type is? */
static bool goes_on(const struct btfrefs *w, const struct btf_type *t)
{
	return !btf_is_composite(t) && (!btf_is_array(t) || w->kind == BTFREFS_LINK);
}

/* Checks the references of ID, which is LEVEL levels deep, and those of the types that it refers
 * to. */
static bool visit(struct btfrefs *w, __u32 id, bool through_pointer, unsigned level)
{
	const struct btf_type *t = btf__type_by_id(w->btf, id);
	size_t slot = 2 * (size_t)id + through_pointer;
	unsigned kind = btf_kind(t), depth = 0, names = 0, chain = 0, refs;
	bool ok = true;

	if (w->known[slot].depth == OPEN)
		return refuse_ref(w, id, "refers to itself");
	if (level + w->known[slot].depth >= DEPTH_MAX)
		return refuse_ref(w, id, "is nested too deeply");
	if (w->known[slot].depth != UNKNOWN)
		return true;
	if (id == 0 || is_leaf(w, t, through_pointer)) {
		ok = btf_is_composite(t) || size_fits(w, id, t);
		if (ok)
			w->known[slot].depth = w->known[slot].names = 1;
		return ok;
	}
	w->known[slot].depth = OPEN;
	refs = kind == BTF_KIND_ARRAY ? 1 : btfrefs_count(t);
	for (unsigned i = 0; ok && i < refs; i++) {
		__u32 ref = btfrefs_id(t, i);
		bool pointed = kind == BTF_KIND_PTR || (through_pointer && goes_on(w, t));
		size_t seen = 2 * (size_t)ref + pointed;

		ok = visit(w, ref, pointed, level + 1);
		if (!ok)
			break;
		if (w->known[seen].depth > depth)
			depth = w->known[seen].depth;
		if (kind == BTF_KIND_FUNC_PROTO && i == 0)
			chain = w->known[seen].names;
		else if (w->known[seen].names > names)
			names = w->known[seen].names;
	}
	if (w->kind == BTFREFS_DECL &&
	    (kind == BTF_KIND_TYPEDEF || (btf_is_composite(t) && t->name_off)))
		names = 0; /* a name ends the declaration */
	names += chain + 1;
	if (ok)
		ok = size_fits(w, id, t);
	if (ok && w->kind == BTFREFS_DECL && names > NAMES_MAX)
		ok = refuse_ref(w, id, "has a declaration that is too complex for libbpf");
	if (ok && depth + 1 >= DEPTH_MAX)
		ok = refuse_ref(w, id, "is nested too deeply");
	w->known[slot].depth = ok ? (uint16_t)(depth + 1) : UNKNOWN;
	w->known[slot].names = (uint16_t)names;
	return ok;
}

bool btfrefs_init(struct btfrefs *w, const struct btf *btf, enum btfrefs_kind kind)
{
	*w = (struct btfrefs){.btf = btf, .kind = kind, .n = btf__type_cnt(btf)};
	w->known = calloc(2 * w->n, sizeof(*w->known));
	return w->known;
}

void btfrefs_free(struct btfrefs *w)
{
	free(w->known);
	w->known = NULL;
}

bool btfrefs_check(struct btfrefs *w, __u32 id)
{
	return visit(w, id, false, 0);
}
