#include "map/fd.h"

#include "base/fd.h"
#include "base/flags.h"
#include "base/value.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Missing in older headers: access a per-CPU value of one CPU, or write one value for all CPUs. */
enum { ON_CPU = 8, ON_ALL_CPUS = 16 };

bool mapfd_is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

bool mapfd_is_array(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
		return true;
	default:
		return false;
	}
}

void mapfd_check(lua_State *L, int arg, struct mapfd *m)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	int ret;

	m->fd = value_check_fd(L, arg);
	ret = bpf_obj_get_info_by_fd(m->fd, &info, &size);
	if (ret) {
		int err = value_errno(ret);

		luaL_argerror(L, arg,
			      lua_pushfstring(L, "descriptor %d is not a BPF map: %s (%s)", m->fd,
					      strerror(err), value_errno_name(err)));
	}
	/* of a program, say, the kernel has told something else, which would be read as sizes */
	fd_check_kind(L, arg, m->fd, "bpf-map");
	m->type = info.type;
	m->max_entries = info.max_entries;
	m->map_flags = info.map_flags;
	m->key_size = info.key_size;
	m->value_size = info.value_size;
	if (info.name[0])
		snprintf(m->name, sizeof(m->name), "map '%.*s'", BPF_OBJ_NAME_LEN, info.name);
	else
		snprintf(m->name, sizeof(m->name), "map %u", info.id);
}

bool mapfd_is_of_all_cpus(const struct mapfd *m, uint64_t flags)
{
	return mapfd_is_per_cpu(m->type) && !(flags & (ON_CPU | ON_ALL_CPUS));
}

size_t mapfd_value_size(lua_State *L, const struct mapfd *m, uint64_t flags)
{
	int cpus;

	if (!mapfd_is_of_all_cpus(m, flags))
		return m->value_size;
	cpus = libbpf_num_possible_cpus();
	if (cpus < 0)
		luaL_error(L, "num_possible_cpus: %s", strerror(value_errno(cpus)));
	return (m->value_size + 7) / 8 * 8 * (size_t)cpus;
}

bool mapfd_to_flags(lua_State *L, int idx, uint64_t *flags)
{
	*flags = BPF_ANY;
	return lua_isnoneornil(L, idx) || flags_read(L, idx, flags_elem, flags);
}

uint64_t mapfd_check_flags(lua_State *L, int arg)
{
	uint64_t flags;

	if (!mapfd_to_flags(L, arg, &flags))
		luaL_argerror(L, arg, lua_tostring(L, -1));
	return flags;
}

static bool is_frozen(int fd)
{
	char path[64], line[128];
	bool frozen = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && !frozen && fgets(line, sizeof(line), file))
		frozen = strncmp(line, "frozen:", 7) == 0 && strchr(line, '1');
	if (file)
		fclose(file);
	return frozen;
}

/* Why the map itself does not permit what was tried; NULL if that is not known. */
static const char *refusal_of(const struct mapfd *m)
{
	int mode = fcntl(m->fd, F_GETFL) & O_ACCMODE;

	if (mode == O_RDONLY)
		return "this descriptor of the map is for reading only";
	if (mode == O_WRONLY)
		return "this descriptor of the map is for writing only";
	if (is_frozen(m->fd))
		return "the map is frozen: only BPF programs can change it";
	return NULL;
}

int mapfd_fail(lua_State *L, const struct mapfd *m, int err, const char *operation)
{
	const char *why = err == EPERM ? refusal_of(m) : NULL;

	return why ? value_fail_because(L, err, why, "%s: %s", operation, m->name)
		   : value_fail(L, err, "%s: %s", operation, m->name);
}
