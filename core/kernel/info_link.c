/* Information about links, which depends on their type. */
#include "base/field.h"
#include "base/value.h"
#include "kernel/info.h"
#include <bpf/bpf.h>
#include <stdint.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The kernel's struct bpf_link_info, since the headers may be older than the kernel. A pointer is
 * where the kernel copies a text or an array, up to the given size.
 */
struct raw_tracepoint {
	uint64_t tp_name;
	uint32_t tp_name_len, unused;
	uint64_t cookie;
};

struct tracing {
	uint32_t attach_type, target_obj_id, target_btf_id, unused;
	uint64_t cookie;
};

struct cgroup {
	uint64_t cgroup_id;
	uint32_t attach_type;
};

struct iter {
	uint64_t target_name;
	uint32_t target_name_len;
	uint32_t map_id;
	union {
		struct {
			uint64_t cgroup_id;
			uint32_t order;
		};
		struct {
			uint32_t tid, pid;
		};
	};
};

struct netfilter {
	uint32_t pf, hooknum;
	int32_t priority;
	uint32_t flags;
};

struct kprobe_multi {
	uint64_t addrs;
	uint32_t count, flags;
	uint64_t missed;
	uint64_t cookies;
};

struct uprobe_multi {
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t path_size, count, flags, pid;
};

struct perf_event {
	uint32_t type, unused;
	uint64_t name; /* name of a file, function or tracepoint */
	uint32_t name_len;
	uint32_t offset;
	union {
		struct {
			uint64_t cookie, ref_ctr_offset;
		} uprobe;
		struct {
			uint64_t addr, missed, cookie;
		} kprobe;
		struct {
			uint64_t cookie;
		} tracepoint;
	};
};

/* For a perf event without a name: replaces all that follows its type. */
struct event {
	uint32_t unused[2];
	uint64_t config;
	uint32_t type, unused_too;
	uint64_t cookie;
};

struct link_info {
	uint32_t type, id, prog_id, unused;
	union {
		struct raw_tracepoint raw_tracepoint;
		struct iter iter;
		struct kprobe_multi kprobe_multi;
		struct uprobe_multi uprobe_multi;
		struct perf_event perf_event;
	};
};

static const struct field link_fields[] = {
	FIELD(struct link_info, type, FIELD_LINK_TYPE),
	FIELD(struct link_info, id, FIELD_U32),
	FIELD(struct link_info, prog_id, FIELD_U32),
	FIELDS_END,
};

static const struct field raw_tracepoint_fields[] = {
	FIELD(struct raw_tracepoint, cookie, FIELD_U64), FIELDS_END};
static const struct field tracing_fields[] = {
	FIELD(struct tracing, attach_type, FIELD_ATTACH_TYPE),
	FIELD(struct tracing, target_obj_id, FIELD_U32),
	FIELD(struct tracing, target_btf_id, FIELD_U32),
	FIELD(struct tracing, cookie, FIELD_U64),
	FIELDS_END,
};
static const struct field cgroup_fields[] = {
	FIELD(struct cgroup, cgroup_id, FIELD_U64),
	FIELD(struct cgroup, attach_type, FIELD_ATTACH_TYPE),
	FIELDS_END,
};
/* Three types have a number and an attach type. */
struct at {
	uint32_t of;
	uint32_t attach_type;
};
static const struct field netns_fields[] = {
	{.name = "netns_ino", .kind = FIELD_U32},
	FIELD(struct at, attach_type, FIELD_ATTACH_TYPE),
	FIELDS_END,
};
static const struct field ifindex_fields[] = {
	{.name = "ifindex", .kind = FIELD_U32},
	FIELD(struct at, attach_type, FIELD_ATTACH_TYPE),
	FIELDS_END,
};
static const struct field sockmap_fields[] = {
	{.name = "map_id", .kind = FIELD_U32},
	FIELD(struct at, attach_type, FIELD_ATTACH_TYPE),
	FIELDS_END,
};
static const struct field xdp_fields[] = {{.name = "ifindex", .kind = FIELD_U32}, FIELDS_END};
static const struct field struct_ops_fields[] = {{.name = "map_id", .kind = FIELD_U32}, FIELDS_END};
static const struct field netfilter_fields[] = {
	FIELD(struct netfilter, pf, FIELD_U32),
	FIELD(struct netfilter, hooknum, FIELD_U32),
	FIELD(struct netfilter, priority, FIELD_INT),
	FIELD(struct netfilter, flags, FIELD_U32),
	FIELDS_END,
};
static const struct field kprobe_multi_fields[] = {
	FIELD(struct kprobe_multi, count, FIELD_U32),
	FIELD(struct kprobe_multi, flags, FIELD_U32),
	FIELD(struct kprobe_multi, missed, FIELD_U64),
	FIELDS_END,
};
static const struct field uprobe_multi_fields[] = {
	FIELD(struct uprobe_multi, count, FIELD_U32),
	FIELD(struct uprobe_multi, flags, FIELD_U32),
	FIELD(struct uprobe_multi, pid, FIELD_U32),
	FIELDS_END,
};
static const struct field no_fields[] = {FIELDS_END};

enum { RAW_TRACEPOINT = 1, ITER = 4, PERF_EVENT = 7, KPROBE_MULTI = 8, UPROBE_MULTI = 12 };

static const struct link_info_part {
	const char *name;
	const struct field *fields;
} parts[] = {
	[RAW_TRACEPOINT] = {"raw_tracepoint", raw_tracepoint_fields},
	[2] = {"tracing", tracing_fields},
	[3] = {"cgroup", cgroup_fields},
	[ITER] = {"iter", no_fields},
	[5] = {"netns", netns_fields},
	[6] = {"xdp", xdp_fields},
	[PERF_EVENT] = {"perf_event", no_fields},
	[KPROBE_MULTI] = {"kprobe_multi", kprobe_multi_fields},
	[9] = {"struct_ops", struct_ops_fields},
	[10] = {"netfilter", netfilter_fields},
	[11] = {"tcx", ifindex_fields},
	[UPROBE_MULTI] = {"uprobe_multi", uprobe_multi_fields},
	[13] = {"netkit", ifindex_fields},
	[14] = {"sockmap", sockmap_fields},
};

/* Perf events --------------------------------------------------------------------------- */

static const struct field uprobe_fields[] = {
	FIELD(struct perf_event, offset, FIELD_U32),
	{"cookie", FIELD_U64, offsetof(struct perf_event, uprobe.cookie), 0, 0, false},
	{"ref_ctr_offset", FIELD_U64, offsetof(struct perf_event, uprobe.ref_ctr_offset), 0, 0,
	 false},
	FIELDS_END,
};
static const struct field kprobe_fields[] = {
	FIELD(struct perf_event, offset, FIELD_U32),
	{"addr", FIELD_ADDRESS, offsetof(struct perf_event, kprobe.addr), 0, 0, false},
	{"missed", FIELD_U64, offsetof(struct perf_event, kprobe.missed), 0, 0, false},
	{"cookie", FIELD_U64, offsetof(struct perf_event, kprobe.cookie), 0, 0, false},
	FIELDS_END,
};
static const struct field tracepoint_fields[] = {
	{"cookie", FIELD_U64, offsetof(struct perf_event, tracepoint.cookie), 0, 0, false},
	FIELDS_END,
};
static const struct field event_fields[] = {
	FIELD(struct event, config, FIELD_U64),
	FIELD(struct event, type, FIELD_U32),
	FIELD(struct event, cookie, FIELD_U64),
	FIELDS_END,
};

static const struct perf_type {
	const char *type, *part, *name;
	const struct field *fields;
} perf_types[] = {
	{NULL, NULL, NULL, NULL},
	{"uprobe", "uprobe", "file_name", uprobe_fields},
	{"uretprobe", "uprobe", "file_name", uprobe_fields},
	{"kprobe", "kprobe", "func_name", kprobe_fields},
	{"kretprobe", "kprobe", "func_name", kprobe_fields},
	{"tracepoint", "tracepoint", "tp_name", tracepoint_fields},
	{"event", "event", NULL, event_fields},
};

static const struct perf_type *perf_type_of(const struct link_info *info)
{
	uint32_t type = info->perf_event.type;

	return info->type == PERF_EVENT && type > 0 && type < COUNT(perf_types) ? &perf_types[type]
										: NULL;
}

/* Asking --------------------------------------------------------------------------------- */

/* The longest texts are paths. */
#define TEXT_SIZE 4096

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* Sets the pointers in INFO, which the kernel has filled otherwise: to TEXT, and to a userdata that
 * is pushed. KNOWN is how much of INFO the kernel knows.
 */
static void push_arrays(lua_State *L, struct link_info *info, size_t known, char *text)
{
	uint32_t n = 0;
	uint64_t *arrays;

	if (info->type == KPROBE_MULTI)
		n = info->kprobe_multi.count;
	else if (info->type == UPROBE_MULTI)
		n = info->uprobe_multi.count;
	arrays = compat_newuserdata(L, 3 * n * sizeof(*arrays) + 1);
	memset(arrays, 0, 3 * n * sizeof(*arrays));
	switch (info->type) {
	case RAW_TRACEPOINT:
		info->raw_tracepoint.tp_name = pointer(text);
		info->raw_tracepoint.tp_name_len = TEXT_SIZE;
		break;
	case ITER:
		info->iter.target_name = pointer(text);
		info->iter.target_name_len = TEXT_SIZE;
		break;
	case KPROBE_MULTI:
		if (n == 0)
			break;
		info->kprobe_multi.addrs = pointer(arrays);
		if (known >= offsetof(struct link_info, kprobe_multi.cookies) + sizeof(uint64_t))
			info->kprobe_multi.cookies = pointer(arrays + n);
		break;
	case UPROBE_MULTI:
		info->uprobe_multi.path = pointer(text);
		info->uprobe_multi.path_size = TEXT_SIZE;
		if (n == 0)
			break;
		info->uprobe_multi.offsets = pointer(arrays);
		info->uprobe_multi.ref_ctr_offsets = pointer(arrays + n);
		info->uprobe_multi.cookies = pointer(arrays + 2 * n);
		break;
	default:
		if (perf_type_of(info) && perf_type_of(info)->name) {
			info->perf_event.name = pointer(text);
			info->perf_event.name_len = TEXT_SIZE;
		}
	}
}

static void set_link_list(lua_State *L, const char *name, uint64_t values, uint32_t n,
			  void (*push)(lua_State *L, uint64_t value))
{
	const uint64_t *v = (const uint64_t *)(uintptr_t)values;

	if (!v)
		return;
	lua_createtable(L, (int)n, 0);
	for (uint32_t i = 0; i < n; i++) {
		push(L, v[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lua_setfield(L, -2, name);
}

static void set_link_text(lua_State *L, const char *name, const char *text)
{
	lua_pushstring(L, text);
	lua_setfield(L, -2, name);
}

static void set_link_u32(lua_State *L, const char *name, uint32_t value)
{
	value_push_u32(L, value);
	lua_setfield(L, -2, name);
}

static void add_iter(lua_State *L, const struct iter *iter, const char *target)
{
	set_link_text(L, "target_name", target);
	if (strcmp(target, "bpf_map_elem") == 0 || strcmp(target, "bpf_sk_storage_map") == 0) {
		lua_newtable(L);
		set_link_u32(L, "map_id", iter->map_id);
		lua_setfield(L, -2, "map");
	} else if (strcmp(target, "cgroup") == 0) {
		lua_newtable(L);
		value_push_u64(L, iter->cgroup_id);
		lua_setfield(L, -2, "cgroup_id");
		set_link_u32(L, "order", iter->order);
		lua_setfield(L, -2, "cgroup");
	} else if (strncmp(target, "task", 4) == 0) {
		lua_newtable(L);
		set_link_u32(L, "tid", iter->tid);
		set_link_u32(L, "pid", iter->pid);
		lua_setfield(L, -2, "task");
	}
}

static void add_perf_event(lua_State *L, const struct link_info *info, size_t known,
			   const char *text)
{
	const struct perf_type *type = perf_type_of(info);

	if (!type)
		return; /* a kernel before 6.6, or a type newer than this code */
	set_link_text(L, "type", type->type);
	lua_newtable(L);
	field_push_all(L, type->fields, &info->perf_event,
		       known - offsetof(struct link_info, perf_event));
	if (type->name)
		set_link_text(L, type->name, text);
	lua_setfield(L, -2, type->part);
}

/* Adds fields that are not plain members to the table of the link's type. */
static void add_rest(lua_State *L, const struct link_info *info, size_t known, const char *text)
{
	const uint64_t *addrs;
	uint32_t n;

	switch (info->type) {
	case RAW_TRACEPOINT:
		set_link_text(L, "tp_name", text);
		break;
	case ITER:
		add_iter(L, &info->iter, text);
		break;
	case PERF_EVENT:
		add_perf_event(L, info, known, text);
		break;
	case KPROBE_MULTI:
		n = info->kprobe_multi.count;
		addrs = (const uint64_t *)(uintptr_t)info->kprobe_multi.addrs;
		if (addrs && addrs[0]) /* if this user may see addresses */
			set_link_list(L, "addrs", info->kprobe_multi.addrs, n, value_push_address);
		set_link_list(L, "cookies", info->kprobe_multi.cookies, n, value_push_u64);
		break;
	case UPROBE_MULTI:
		n = info->uprobe_multi.count;
		set_link_text(L, "path", text);
		set_link_list(L, "offsets", info->uprobe_multi.offsets, n, value_push_u64);
		set_link_list(L, "ref_ctr_offsets", info->uprobe_multi.ref_ctr_offsets, n,
			      value_push_u64);
		set_link_list(L, "cookies", info->uprobe_multi.cookies, n, value_push_u64);
		break;
	default:
		break;
	}
}

int info_push_link(lua_State *L, int fd, int opts)
{
	struct link_info info;
	char text[TEXT_SIZE] = "";
	__u32 known = sizeof(info);
	const struct link_info_part *part;
	int ret;

	memset(&info, 0, sizeof(info)); /* all of the union, unlike an initializer */
	ret = bpf_obj_get_info_by_fd(fd, &info, &known);
	if (ret)
		return value_errno(ret);
	if (opts)
		field_read(L, opts, no_fields, NULL);
	lua_newtable(L);
	push_arrays(L, &info, known, text);
	ret = bpf_obj_get_info_by_fd(fd, &info, &(__u32){sizeof(info)});
	if (ret) {
		lua_pop(L, 2);
		return value_errno(ret);
	}
	lua_insert(L, -2);
	field_push_all(L, link_fields, &info, known);
	part = info.type < COUNT(parts) ? &parts[info.type] : NULL;
	if (part && part->name) {
		size_t start = offsetof(struct link_info, raw_tracepoint);

		lua_newtable(L);
		field_push_all(L, part->fields, (const char *)&info + start,
			       known > start ? known - start : 0);
		add_rest(L, &info, known, text);
		lua_setfield(L, -2, part->name);
	}
	lua_remove(L, -2);
	return 0;
}
