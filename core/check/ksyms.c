#include "check/ksyms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* KSYM_NAME_LEN is 512; the module's name follows in brackets. */
#define NAME_MAX_LEN 512

struct names {
	char **names;
	size_t cnt, size;
};

int ksyms_matches(const char *name, const char *pattern)
{
	const char *star = NULL, *retry = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = name;
		} else if (*pattern == '?' || *pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star; /* let the last star match one character more */
			name = ++retry;
		} else {
			return 0;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* Makes space for one more element. */
static int grow(void *array, size_t *size, size_t cnt, size_t element)
{
	void **a = array, *bigger;

	if (cnt < *size)
		return 0;
	*size = *size ? 2 * *size : 64;
	bigger = realloc(*a, *size * element);
	if (!bigger)
		return -ENOMEM;
	*a = bigger;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names that match, sorted. */
static int read_traceable(FILE *f, const char *pattern, struct names *n)
{
	char name[NAME_MAX_LEN];
	int err = 0;

	while (!err && fscanf(f, "%511s%*[^\n]", name) == 1) {
		if (!ksyms_matches(name, pattern))
			continue;
		err = grow(&n->names, &n->size, n->cnt, sizeof(*n->names));
		if (!err) {
			n->names[n->cnt] = strdup(name);
			err = n->names[n->cnt] ? 0 : -ENOMEM;
			n->cnt += !err;
		}
	}
	qsort(n->names, n->cnt, sizeof(*n->names), by_name);
	return err;
}

static int is_traceable(const struct names *n, const char *name)
{
	char trimmed[NAME_MAX_LEN], *key = trimmed;
	const char *suffix = strstr(name, ".llvm.");

	if (bsearch(&name, n->names, n->cnt, sizeof(*n->names), by_name))
		return 1;
	if (!suffix) /* some kernels omit it in the list of traceable functions */
		return 0;
	snprintf(trimmed, sizeof(trimmed), "%.*s", (int)(suffix - name), name);
	return bsearch(&key, n->names, n->cnt, sizeof(*n->names), by_name) != NULL;
}

/* The addresses whose names match and are in N. Without N, all in F can be traced. */
static int read_addresses(FILE *f, const char *pattern, const struct names *n,
			  unsigned long **addrs, size_t *cnt)
{
	const char *const format = n ? "%lx %*c %511s%*[^\n]" : "%lx %511s%*[^\n]";
	char name[NAME_MAX_LEN];
	unsigned long addr;
	size_t size = 0;
	int err = 0;

	while (!err && fscanf(f, format, &addr, name) == 2) {
		if (!ksyms_matches(name, pattern) || (n && !is_traceable(n, name)))
			continue;
		err = grow(addrs, &size, *cnt, sizeof(**addrs));
		if (!err)
			(*addrs)[(*cnt)++] = addr;
	}
	return err;
}

int ksyms_select(FILE *traceable, FILE *kallsyms, const char *pattern, unsigned long **addrs,
		 size_t *cnt)
{
	struct names n = {0};
	int err;

	*addrs = NULL;
	*cnt = 0;
	if (kallsyms) {
		err = read_traceable(traceable, pattern, &n);
		if (!err && n.cnt > 0)
			err = read_addresses(kallsyms, pattern, &n, addrs, cnt);
		for (size_t i = 0; i < n.cnt; i++)
			free(n.names[i]);
		free(n.names);
	} else {
		err = read_addresses(traceable, pattern, NULL, addrs, cnt);
	}
	if (!err && *cnt == 0)
		err = -ENOENT;
	if (err) {
		free(*addrs);
		*addrs = NULL;
	}
	return err;
}

static FILE *open_tracing(const char *name)
{
	static const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	char path[128];
	FILE *f = NULL;

	for (size_t i = 0; !f && i < sizeof(roots) / sizeof(*roots); i++) {
		snprintf(path, sizeof(path), "%s/%s", roots[i], name);
		f = fopen(path, "re");
	}
	return f;
}

int ksyms_resolve(const char *pattern, unsigned long **addrs, size_t *cnt)
{
	/* since Linux 6.5: not all functions of one name may be traceable */
	FILE *traceable = open_tracing("available_filter_functions_addrs"), *kallsyms = NULL;
	int err;

	if (!traceable) {
		traceable = open_tracing("available_filter_functions");
		if (traceable)
			kallsyms = fopen("/proc/kallsyms", "re");
		if (!kallsyms) {
			err = -errno;
			if (traceable)
				fclose(traceable);
			return err;
		}
	}
	err = ksyms_select(traceable, kallsyms, pattern, addrs, cnt);
	fclose(traceable);
	if (kallsyms)
		fclose(kallsyms);
	return err;
}
