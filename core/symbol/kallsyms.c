#include "symbol/kallsyms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The C library reads 1 KB at a time, as it is told for files in /proc; the kernel gives 4 KB. */
#define BLOCK 4096

/* Returns the number at TEXT; *END is what follows it. The kernel has 120,000 lines: strtoull() was
 * a third of the instructions.
 */
static uint64_t parse_address(char *text, char **end)
{
	uint64_t addr = 0;

	for (*end = text;; ++*end) {
		char c = **end;

		if (c >= '0' && c <= '9')
			addr = addr << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			addr = addr << 4 | (uint64_t)(c - 'a' + 10);
		else
			return addr;
	}
}

/* Parses "ffffffff81000000 T name\t[module]"; false if the line is malformed or not a function. */
static bool parse(char *line, uint64_t *addr, char **name, char **module)
{
	char *end, type;

	*addr = parse_address(line, &end);
	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ')
		return false;
	type = end[1];
	*name = end + 3;
	end = *name + strcspn(*name, "\t\n");
	*module = NULL;
	if (*end == '\t' && end[1] == '[') {
		*module = end + 2;
		(*module)[strcspn(*module, "]\n")] = '\0';
	}
	*end = '\0';
	return strchr("tTwW", type) && **name;
}

int kallsyms_read(const char *path, struct symtab *t)
{
	FILE *f = fopen(path, "re");
	char block[BLOCK], *line = NULL, *name, *module;
	size_t size = 0;
	uint64_t addr;
	int err = 0, seen = 0;

	if (!f)
		return errno;
	setvbuf(f, block, _IOFBF, sizeof(block));
	while (!err && getline(&line, &size, f) >= 0) {
		if (!parse(line, &addr, &name, &module))
			continue;
		seen = 1;
		if (addr && !symtab_add(t, (struct symbol){.addr = addr}, name, module))
			err = ENOMEM;
	}
	if (!err && ferror(f))
		err = EIO;
	if (!err && seen && !t->cnt) /* the kernel shows 0 for all addresses */
		err = EPERM;
	free(line);
	fclose(f);
	symtab_sort(t);
	return err;
}
