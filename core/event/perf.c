#include "event/perf.h"

#include "base/fd.h"
#include "base/field.h"
#include "base/value.h"
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

/*** @module lbpf */
/*** Perf events
@section perf_events
*/

/* Fields of struct perf_event_attr; its bit fields are read one by one below. */
static const struct field attr_fields[] = {
	FIELD(struct perf_event_attr, type, FIELD_U32),
	FIELD(struct perf_event_attr, config, FIELD_U64),
	FIELD(struct perf_event_attr, config1, FIELD_U64),
	FIELD(struct perf_event_attr, config2, FIELD_U64),
	FIELD(struct perf_event_attr, sample_period, FIELD_U64),
	FIELD(struct perf_event_attr, sample_freq, FIELD_U64),
	FIELD(struct perf_event_attr, sample_type, FIELD_U64),
	FIELD(struct perf_event_attr, wakeup_events, FIELD_U32),
	FIELD(struct perf_event_attr, wakeup_watermark, FIELD_U32),
	FIELD_BY_MODULE("freq"),
	FIELD_BY_MODULE("disabled"),
	FIELD_BY_MODULE("inherit"),
	FIELD_BY_MODULE("exclude_user"),
	FIELD_BY_MODULE("exclude_kernel"),
	FIELD_BY_MODULE("exclude_idle"),
	FIELD_BY_MODULE("mmap"),
	FIELD_BY_MODULE("comm"),
	FIELD_BY_MODULE("task"),
	FIELD_BY_MODULE("watermark"),
	FIELD_BY_MODULE("sample_id_all"),
	FIELDS_END,
};

static bool flag(lua_State *L, int arg, const char *name)
{
	bool on;

	lua_getfield(L, arg, name);
	if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
		luaL_argerror(L, arg, lua_pushfstring(L, "option '%s' must be a boolean", name));
	on = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return on;
}

void perf_check_attr(lua_State *L, int arg, struct perf_event_attr *attr)
{
	*attr = (struct perf_event_attr){.size = sizeof(*attr)};
	luaL_checktype(L, arg, LUA_TTABLE);
	field_read(L, arg, attr_fields, attr);
	attr->freq = flag(L, arg, "freq");
	attr->disabled = flag(L, arg, "disabled");
	attr->inherit = flag(L, arg, "inherit");
	attr->exclude_user = flag(L, arg, "exclude_user");
	attr->exclude_kernel = flag(L, arg, "exclude_kernel");
	attr->exclude_idle = flag(L, arg, "exclude_idle");
	attr->mmap = flag(L, arg, "mmap");
	attr->comm = flag(L, arg, "comm");
	attr->task = flag(L, arg, "task");
	attr->watermark = flag(L, arg, "watermark");
	attr->sample_id_all = flag(L, arg, "sample_id_all");
}

static const struct field open_fields[] = {
	FIELD_BY_MODULE("cgroup"),
	FIELDS_END,
};

/* Reads option `cgroup` of the table at ARG, and leaves it on the stack. False if it is not given.
 */
static bool check_cgroup(lua_State *L, int arg, struct fd_target *cgroup)
{
	field_read(L, arg, open_fields, NULL);
	if (lua_isnil(L, arg))
		return false;
	lua_getfield(L, arg, "cgroup");
	if (lua_isnil(L, -1))
		return false;
	if (!fd_to_target(L, -1, cgroup))
		luaL_argerror(L, arg, "option 'cgroup' must be a path or a descriptor");
	return true;
}

/*** Opens a perf event for `program:attach_perf_event`.
@function perf_event_open
@tparam table attr fields of struct perf_event_attr: `type` (1: software, 0: hardware), `config`
 (with type 1, 0: CPU clock in nanoseconds), `sample_period` or `sample_freq` with `freq` (boolean),
 `config1`, `config2`, `sample_type`, `wakeup_events`, `wakeup_watermark` with `watermark`
 (boolean), and the booleans `disabled`, `inherit`, `exclude_user`, `exclude_kernel`,
 `exclude_idle`, `mmap`, `comm`, `task`, `sample_id_all`
@tparam ?integer pid 0: this process; nil: all
@tparam ?integer cpu nil: any
@tparam ?table opts `cgroup`: a path or a descriptor; the event counts only the processes in it. Not
 with `pid`, and only with `cpu`
@treturn fd
@fails ENODEV if the CPU is not online
@usage local SOFTWARE, CPU_CLOCK = 1, 0
local event = assert(lbpf.perf_event_open({
  type = SOFTWARE, config = CPU_CLOCK, sample_period = 10000000,
}, nil, 0))
@see perf_event_open
*/
static int perf_event_open(lua_State *L)
{
	struct perf_event_attr attr;
	struct fd_target cgroup;
	unsigned long flags = PERF_FLAG_FD_CLOEXEC;
	bool of_cgroup, is_open = true;
	long number = -1;
	int pid, cpu;
	struct fd *fd;

	lua_settop(L, 4);
	pid = lua_isnil(L, 2) ? -1 : (int)value_check_int(L, 2, -1, INT32_MAX);
	cpu = lua_isnil(L, 3) ? -1 : (int)value_check_int(L, 3, -1, INT32_MAX);
	perf_check_attr(L, 1, &attr);
	of_cgroup = check_cgroup(L, 4, &cgroup);
	luaL_argcheck(L, !of_cgroup || pid < 0, 4, "option 'cgroup' cannot be used with a pid");
	luaL_argcheck(L, !of_cgroup || cpu >= 0, 4, "option 'cgroup' needs a CPU");
	fd = fd_push(L);
	if (of_cgroup) {
		is_open = fd_target_open(&cgroup);
		pid = cgroup.number;
		flags |= PERF_FLAG_PID_CGROUP;
	}
	if (is_open)
		number = syscall(SYS_perf_event_open, &attr, pid, cpu, -1, flags);
	if (of_cgroup && is_open)
		fd_target_close(&cgroup);
	if (number < 0)
		return value_fail(L, errno, "perf_event_open: type %u, config %llu, cpu %d",
				  attr.type, (unsigned long long)attr.config, cpu);
	fd_own(fd, (int)number);
	return 1;
}

void perf_open(lua_State *L)
{
	lua_pushcfunction(L, perf_event_open);
	lua_setfield(L, -2, "perf_event_open");
}
