#include "object/loadopts.h"

#include "base/class.h"
#include "base/field.h"

static const char VIEW[] = "lbpf.prog_load_opts";

/* Valid while its scope is the innermost, which is compared by number, because C memory is reused.
 */
struct load_view {
	unsigned long serial;
};

static _Thread_local struct load_scope *innermost;
static _Thread_local unsigned long last_serial;

#define OPTS(member, kind) FIELD(struct bpf_prog_load_opts, member, kind)

/* Only scalars. libbpf sets the log fields itself afterwards; line and function information are
 * pointers, whose sizes it does not check.
 */
static const struct field fields[] = {
	OPTS(attempts, FIELD_INT),
	OPTS(expected_attach_type, FIELD_ATTACH_TYPE),
	OPTS(prog_btf_fd, FIELD_U32),
	OPTS(prog_flags, FIELD_PROG_FLAGS),
	OPTS(prog_ifindex, FIELD_U32),
	OPTS(kern_version, FIELD_U32),
	OPTS(attach_btf_id, FIELD_U32),
	OPTS(attach_prog_fd, FIELD_U32),
	OPTS(attach_btf_obj_fd, FIELD_U32),
	FIELD_FROM(1, 4, struct bpf_prog_load_opts, token_fd, FIELD_U32),
	FIELDS_END,
};

void load_scope_begin(struct load_scope *scope, const struct bpf_program *prog,
		      struct bpf_prog_load_opts *opts)
{
	*scope = (struct load_scope){innermost, prog, opts, ++last_serial};
	innermost = scope;
}

void load_scope_end(struct load_scope *scope)
{
	innermost = scope->prev;
}

bool load_scope_is(const struct bpf_program *prog)
{
	return innermost && innermost->prog == prog;
}

void load_scope_push(lua_State *L)
{
	struct load_view *v = class_push(L, VIEW, sizeof(*v), 0);

	v->serial = innermost->serial;
}

/* The options, and the field that argument 2 names; raises if it is invalid. */
static struct bpf_prog_load_opts *check_option(lua_State *L, const struct field **f)
{
	const struct load_view *v = class_check(L, 1, VIEW);
	const char *name = luaL_checkstring(L, 2);

	if (!innermost || innermost->serial != v->serial)
		luaL_error(L, "load options are only valid inside their prog_prepare_load_fn");
	*f = field_find(fields, name);
	if (!*f)
		luaL_error(L, "load options have no field '%s'", name);
	if ((*f)->absent || field_end(*f) > innermost->opts->sz)
		luaL_error(L, "load option '%s' is unknown to libbpf %s", name,
			   libbpf_version_string());
	return innermost->opts;
}

static int view_index(lua_State *L)
{
	const struct field *f;
	const struct bpf_prog_load_opts *opts = check_option(L, &f);

	field_push(L, f, opts);
	return 1;
}

static int view_newindex(lua_State *L)
{
	const struct field *f;
	struct bpf_prog_load_opts *opts = check_option(L, &f);

	if (!field_store(L, f, opts, 3))
		return luaL_error(L, "load option %s", lua_tostring(L, -1));
	return 0;
}

void load_scope_open(lua_State *L)
{
	static const luaL_Reg methods[] = {{NULL, NULL}};
	static const luaL_Reg meta[] = {
		{"__index", view_index}, {"__newindex", view_newindex}, {NULL, NULL}};

	class_new(L, VIEW, methods, meta);
}
