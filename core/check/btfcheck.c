#include "check/btfcheck.h"

#include "base/frame.h"
#include "base/value.h"
#include "check/btfrefs.h"
#include <stdarg.h>
#include <stdio.h>

struct check {
	const struct btf *btf;
	char *why;
	size_t size;
};

static bool bad(const struct check *c, __u32 id, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

static bool bad(const struct check *c, __u32 id, const char *what, ...)
{
	int n = snprintf(c->why, c->size, "BTF type %u ", id);
	va_list ap;

	va_start(ap, what);
	if (n > 0 && (size_t)n < c->size)
		vsnprintf(c->why + n, c->size - (size_t)n, what, ap);
	va_end(ap);
	return false;
}

/* libbpf 1.8 takes kinds that it does not know, if the BTF describes their layout; and a type has
 * more bits there for its kind and its number of parts than in older headers.
 */
static bool is_known(const struct check *c, __u32 id, const struct btf_type *t)
{
	unsigned kind = t->info >> 24 & 0x7f, n = t->info & 0xffffff;

	if (kind < BTF_KIND_INT || kind > BTF_KIND_ENUM64)
		return bad(c, id, "is of kind %u, which lbpf does not know", kind);
	if (n != btf_vlen(t))
		return bad(c, id, "has %u parts, more than lbpf was built for", n);
	return true;
}

/* References ------------------------------------------------------------------------------ */

/* The offset in the strings of a type's part: a member, a value, a parameter. */
static __u32 part_name(const struct btf_type *t, unsigned i)
{
	switch (btf_kind(t)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return btf_members(t)[i].name_off;
	case BTF_KIND_ENUM:
		return btf_enum(t)[i].name_off;
	case BTF_KIND_ENUM64:
		return ((const __u32 *)(t + 1))[3 * i];
	case BTF_KIND_FUNC_PROTO:
		return btf_params(t)[i].name_off;
	default:
		return 0;
	}
}

static unsigned parts(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
	case BTF_KIND_FUNC_PROTO:
		return btf_vlen(t);
	default:
		return 0;
	}
}

static bool has_strings(const struct check *c, __u32 id, const struct btf_type *t)
{
	if (!btf__str_by_offset(c->btf, t->name_off))
		return bad(c, id, "has its name at offset %u, beyond the strings", t->name_off);
	for (unsigned i = 0; i < parts(t); i++)
		if (!btf__str_by_offset(c->btf, part_name(t, i)))
			return bad(c, id, "has a part with its name at %u, beyond the strings",
				   part_name(t, i));
	return true;
}

static bool has_refs(const struct check *c, __u32 id, const struct btf_type *t)
{
	for (unsigned i = 0; i < btfrefs_count(t); i++) {
		__u32 ref = btfrefs_id(t, i);
		const struct btf_type *to = btf__type_by_id(c->btf, ref);

		if (!to)
			return bad(c, id, "refers to missing type %u", ref);
		if (btf_is_func(t) && !btf_is_func_proto(to))
			return bad(c, id, "is a function whose type %u is not a function prototype",
				   ref);
		if (btf_is_datasec(t) && !btf_is_var(to) && !btf_is_func(to))
			return bad(c, id,
				   "is a section that contains type %u, which is not a variable",
				   ref);
	}
	return true;
}

bool btfcheck(const struct btf *btf, char *why, size_t size)
{
	const struct check c = {btf, why, size};
	const struct btf *base = btf__base_btf(btf);
	__u32 n = btf__type_cnt(btf), first = base ? btf__type_cnt(base) : 1;
	struct btfrefs refs;
	bool ok = true;

	for (__u32 id = first; ok && id < n; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		ok = is_known(&c, id, t) && has_strings(&c, id, t) && has_refs(&c, id, t);
	}
	if (!ok)
		return false;
	if (btfrefs_init(&refs, btf, BTFREFS_SIZE)) {
		for (__u32 id = first; ok && id < n; id++)
			ok = btfrefs_check(&refs, id);
		if (!ok)
			bad(&c, refs.id, "%s", refs.why);
	} else {
		snprintf(why, size, "not enough memory to check BTF");
		ok = false;
	}
	btfrefs_free(&refs);
	return ok;
}

/* Object files ---------------------------------------------------------------------------- */

static bool check_section(const void *data, size_t size, void *arg)
{
	struct check *c = arg;
	struct btf *btf = size <= UINT32_MAX ? btf__new(data, (__u32)size) : NULL;
	bool ok;

	if (value_pointer_error(btf))
		return true; /* libbpf reports the error, or does without BTF */
	c->btf = btf;
	ok = btfcheck(btf, c->why, c->size);
	btf__free(btf);
	return ok;
}

bool btfcheck_source(lua_State *L, const struct elf_source *source, char *why, size_t size)
{
	struct check c = {.why = why, .size = size};
	struct frame f;
	bool ok;

	frame_enter(L, &f, NULL, 0); /* libbpf prints errors about BTF that it cannot read */
	ok = elf_each_section(source, BTF_ELF_SEC, check_section, &c);
	frame_leave(&f);
	return ok;
}
