#include "base/hint.h"

#include "base/section.h"
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers may be. */
enum { NET_ADMIN = 12, SYS_ADMIN = 21, PERFMON = 38, BPF = 39 };

#define CAP(number) ((uint64_t)1 << (number))

/* By errors and operations ------------------------------------------------------------------- */

#define NO_KEYS "the kernel cannot list the keys of this type of map"
#define NO_CGROUP                                                                                  \
	"not a directory of a cgroup v2 file system: findmnt -t cgroup2 tells where one is"

/* WORD must occur in the operation; the last match counts. */
static const struct hint {
	int err;
	const char *word, *hint;
} hints[] = {
	{EACCES, "load", "the verifier's log says why"},
	{ESRCH, "load", "the kernel's BTF has no such function or type"},
	{E2BIG, "load", "the program is too large or too complex for the verifier"},
	{E2BIG, "prog_load",
	 "the program is too large or too complex for the verifier, or an option is newer than "
	 "the kernel"},
	{E2BIG, "btf_load",
	 "the BTF is larger than the kernel allows, or an option is newer than it"},
	{E2BIG, "map_create",
	 "the keys or values are larger than the kernel allows, or an option is newer than it"},
	{EACCES, "tracepoint", "only root may read tracefs"},
	{ENOENT, "tracepoint",
	 "no such event, or tracefs is not mounted: mount -t tracefs tracefs "
	 "/sys/kernel/tracing"},
	{ENOENT, "raw_tracepoint", "no such event"},
	{ENOENT, "kprobe", "no such function, or the kernel has no kprobes (CONFIG_KPROBES)"},
	{ENOENT, "ksyscall", "no such system call, or the kernel has no kprobes (CONFIG_KPROBES)"},
	{ENOENT, "kprobe_multi", "no function that fprobe can trace matches the pattern"},
	{ESRCH, "kprobe_multi", "fprobe cannot trace one of the functions"},
	{EOPNOTSUPP, "kprobe_multi", "the kernel has no fprobe (CONFIG_FPROBE)"},
	{EINVAL, "kprobe_multi",
	 "the program must be SEC(\"kprobe.multi\"), and fprobe must be able to trace every "
	 "function"},
	{ENOENT, "usdt", "no such probe in the file: readelf -n lists them"},
	{ENOENT, "uprobe", "no such file, or no such function in it"},
	{EBADF, "attach_cgroup", NO_CGROUP},
	{EBADF, "prog_attach: '", NO_CGROUP},
	{EBADF, "prog_query: '", NO_CGROUP},
	{LIBBPF_ERRNO__FORMAT, "open", "not a BPF object: compile it with clang --target=bpf"},
	{ENOTSUPP, "pairs", NO_KEYS},
	{ENOTSUPP, "count", NO_KEYS},
	{ENOTSUPP, "clear", NO_KEYS},
	{EOPNOTSUPP, "pairs", NO_KEYS},
	{EOPNOTSUPP, "count", NO_KEYS},
	{ENOSPC, "lookup",
	 "lookups in a socket map return socket cookies, which need values of 8 bytes"},
	{LIBBPF_ERRNO__LIBELF, "open", "not an ELF file, or a truncated one"},
	{EBUSY, "ring_buffer", "only one consumer per process may read a ring"},
	{EBUSY, "perf_buffer", "only one perf buffer per process may read a map"},
	{EBUSY, "user_ring_buffer", "only one producer per process may write to a ring"},
	{ENOSPC, "user_ring_buffer", "the ring is full until a BPF program drains it"},
	{EPERM, "map: types",
	 "the kernel shows them to CAP_SYS_ADMIN alone: option `btf` takes those of the object's "
	 "file, and `raw` needs none"},
};

/* The methods that attach what SEC() says. The first that begins so counts. */
static const struct attached {
	const char *prefix, *operation;
} sections[] = {
	{"kprobe.multi", "kprobe_multi"},
	{"kretprobe.multi", "kprobe_multi"},
	{"kprobe.session", "kprobe_multi"},
	{"k", "kprobe"},
	{"ksyscall", "ksyscall"},
	{"kretsyscall", "ksyscall"},
	{"u", "uprobe"},
	{"usdt", "usdt"},
	{"tp/", "tracepoint"},
	{"tracepoint/", "tracepoint"},
	{"raw_t", "raw_tracepoint"},
};

/* The operation alone: names follow it in quotes. */
static void read_operation(const char *what, char *out, size_t size)
{
	const char *end = strchr(what, '\'');
	const char *section = strncmp(what, "attach: ", 8) == 0 ? strstr(what, " to '") : NULL;
	const char *found = "";

	for (size_t i = 0; section && i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strncmp(section + 5, sections[i].prefix, strlen(sections[i].prefix)) == 0)
			found = sections[i].operation;
	snprintf(out, size, "%.*s%s", (int)(end ? end + 1 - what : (long)strlen(what)), what,
		 found);
}

/* Rights ------------------------------------------------------------------------------------- */

/* What operations need besides, or in place of, CAP_BPF; the last match counts. */
static const struct need {
	const char *word;
	uint64_t all, any; /* these, and one of those */
	const char *text;
} needs[] = {
	{"", CAP(BPF), CAP(PERFMON) | CAP(NET_ADMIN), "CAP_BPF with CAP_PERFMON or CAP_NET_ADMIN"},
	{"map_create", CAP(BPF), 0, "CAP_BPF"},
	{"obj_get", CAP(BPF), 0, "CAP_BPF"},
	{"_id", CAP(SYS_ADMIN), 0, "CAP_SYS_ADMIN"},
	{"xdp", CAP(NET_ADMIN), 0, "CAP_NET_ADMIN"},
	{"tc", CAP(NET_ADMIN), 0, "CAP_NET_ADMIN"},
	{"netkit", CAP(NET_ADMIN), 0, "CAP_NET_ADMIN"},
	{"netfilter", CAP(NET_ADMIN), 0, "CAP_NET_ADMIN"},
	{"cgroup", CAP(NET_ADMIN), 0, "CAP_NET_ADMIN"},
	{"prog_attach", CAP(NET_ADMIN), 0, "CAP_NET_ADMIN"},
	{"tracepoint", CAP(PERFMON), 0, "CAP_PERFMON"},
	{"probe", CAP(PERFMON), 0, "CAP_PERFMON"},
	{"perf", CAP(PERFMON), 0, "CAP_PERFMON"},
};

/* The capabilities in effect. All of them if the kernel does not say: then none is missing. */
static uint64_t capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	uint64_t caps;

	if (syscall(SYS_capget, &header, data))
		return UINT64_MAX;
	caps = (uint64_t)data[1].effective << 32 | data[0].effective;
	if (caps & CAP(SYS_ADMIN))
		caps |= CAP(BPF) |
			CAP(PERFMON); /* it was all of them, and still stands for these */
	return caps;
}

/* The first line of a file; "" if there is none. */
static void read_line(const char *path, char *out, int size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(out, size, file))
		out[0] = '\0';
	if (file)
		fclose(file);
}

/* Are this process's capabilities those of a user namespace, and not of the machine? */
static bool is_in_user_namespace(void)
{
	unsigned long inside, outside, count;
	char line[64];

	read_line("/proc/self/uid_map", line, sizeof(line));
	return sscanf(line, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
	       !(inside == 0 && outside == 0 && count == UINT32_MAX);
}

/* Nothing that a capability would help with. */
static void explain_refusal(char *out, size_t size)
{
	char line[96], *mode, *end;

	read_line("/sys/kernel/security/lockdown", line, sizeof(line));
	mode = strchr(line, '[');
	end = mode ? strchr(mode, ']') : NULL;
	if (is_in_user_namespace())
		snprintf(out, size, "the capabilities of a user namespace are not enough");
	else if (end && strncmp(mode, "[none]", 6) != 0)
		snprintf(out, size, "the kernel is locked down (%.*s)", (int)(end - mode - 1),
			 mode + 1);
	else
		snprintf(out, size,
			 "no capability is missing: the kernel or a security module refuses this");
}

static void append_text(char *out, size_t size, const char *text)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s", text);
}

static void explain_rights(const char *operation, char *out, size_t size)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {{BPF, "CAP_BPF"},
		     {PERFMON, "CAP_PERFMON"},
		     {NET_ADMIN, "CAP_NET_ADMIN"},
		     {SYS_ADMIN, "CAP_SYS_ADMIN"}};
	uint64_t has = capabilities(), lacks;
	const struct need *need = needs;
	const char *before = "lacks ";

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (strstr(operation, needs[i].word))
			need = &needs[i];
	lacks = need->all & ~has;
	if (need->any && !(need->any & has))
		lacks |= need->any;
	if (!lacks) {
		explain_refusal(out, size);
		return;
	}
	snprintf(out, size, "this needs %s%s; this process ", geteuid() ? "root, or " : "",
		 need->text);
	if (geteuid() == 0)
		append_text(out, size, "is root, but ");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (lacks & CAP(names[i].number)) {
			append_text(out, size, before);
			append_text(out, size, names[i].name);
			before = ", ";
		}
}

void hint_find(int err, const char *what, char *out, size_t size)
{
	char operation[96];

	out[0] = '\0';
	read_operation(what, operation, sizeof(operation));
	for (size_t i = sizeof(hints) / sizeof(hints[0]); i-- > 0;)
		if (hints[i].err == err && strstr(operation, hints[i].word)) {
			snprintf(out, size, "%s", hints[i].hint);
			return;
		}
	if (err == EPERM)
		explain_rights(operation, out, size);
}

/* By libbpf's messages ----------------------------------------------------------------------- */

/* SECTION, which a quote ends, is no name that libbpf knows. */
static void explain_section(const char *section, char *out, size_t size)
{
	char name[96], near[128];
	size_t len;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(section, "'"), section);
	section_nearest(name, near, sizeof(near));
	len = strlen(name);
	if (strncmp(near, name, len) == 0 && (near[len] == ',' || (len && !near[len]))) {
		snprintf(out, size, "SEC(\"%s\") needs a newer libbpf than %s", name,
			 libbpf_version_string());
		return;
	}
	snprintf(out, size,
		 "libbpf knows no SEC(\"%s\")%s%s; lbpf.register_prog_handler() teaches it others",
		 name, near[0] ? ": near it are " : "", near);
}

void hint_find_in_log(int err, const char *log, char *out, size_t size)
{
	static const char no_type[] = "missing BPF prog type, check ELF section name '";
	const char *section = strstr(log, no_type);

	out[0] = '\0';
	if (section)
		explain_section(section + sizeof(no_type) - 1, out, size);
	else if (strstr(log, "BTF is required, but is missing"))
		snprintf(out, size, "the object has no BTF: compile it with clang -g");
	else if ((err == EINVAL || err == E2BIG) && strstr(log, "': failed to create: "))
		snprintf(out, size,
			 "the kernel may lack this type of map, or not allow these sizes or flags");
}
