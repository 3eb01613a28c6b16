#include "check/guard.h"

#include <bpf/btf.h>
#include <string.h>

/* Does the data section SECTION hold a variable of this name? */
static bool declares(const struct btf *btf, const char *section, const char *name)
{
	int id = btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC);
	const struct btf_type *sec = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	for (__u32 i = 0; sec && i < btf_vlen(sec); i++) {
		const struct btf_type *var = btf__type_by_id(btf, btf_var_secinfos(sec)[i].type);
		const char *var_name = var ? btf__name_by_offset(btf, var->name_off) : NULL;

		if (var_name && strcmp(var_name, name) == 0)
			return true;
	}
	return false;
}

const char *guard_stray_struct_ops(const struct bpf_object *obj)
{
	const struct btf *btf = bpf_object__btf(obj);
	const struct bpf_map *map;

	bpf_object__for_each_map(map, obj)
	{
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS &&
		    declares(btf, ".maps", bpf_map__name(map)))
			return bpf_map__name(map);
	}
	return NULL;
}

const char *guard_struct_ops_without_types(const struct bpf_object *obj)
{
	const char *name = NULL;
	struct bpf_program *prog;
	struct bpf_map *map;

	if (compat_libbpf(1, 4))
		return NULL;
	bpf_object__for_each_map(map, obj)
	{
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			name = bpf_map__name(map);
	}
	bpf_object__for_each_program(prog, obj)
	{
		if (bpf_program__type(prog) == BPF_PROG_TYPE_STRUCT_OPS &&
		    bpf_program__autoload(prog))
			return NULL;
	}
	return name;
}
