#include "symbol/kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What most kernels have less of. */
#define MANY_FUNCTIONS (1 << 17)
#define MANY_BYTES     (1 << 22)

struct kallsyms_reader {
	struct symtab *table;
	uint32_t module; /* the last one: the symbols of a module are adjacent */
	size_t module_size;
	bool seen; /* a function, perhaps with address 0 */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool is_function(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

/* The offset of a module's name; 0 if there is no memory. */
static uint32_t module_string(struct kallsyms_reader *r, const char *name, size_t size)
{
	if (!r->module || r->module_size != size ||
	    memcmp(r->table->strings + r->module, name, size) != 0) {
		r->module = symtab_string(r->table, name, size);
		r->module_size = size;
	}
	return r->module;
}

/* Adds "ffffffff81000000 T name\t[module]\n". Other lines are passed over. Returns 0 or an error
 * number.
 */
static int add_line(struct kallsyms_reader *r, const char *line, const char *end)
{
	const char *p = line, *name, *tab;
	struct symbol s = {0};
	int digit;

	while ((digit = hex_digit(*p)) >= 0) {
		s.addr = s.addr << 4 | (unsigned)digit;
		p++;
	}
	if (p == line || end - p < 4 || p[0] != ' ' || !is_function(p[1]) || p[2] != ' ')
		return 0;
	r->seen = true;
	if (!s.addr)
		return 0;
	name = p + 3;
	tab = memchr(name, '\t', (size_t)(end - name));
	s.name = symtab_string(r->table, name, (size_t)((tab ? tab : end) - name));
	if (tab && tab[1] == '[' && end[-1] == ']') {
		s.module = module_string(r, tab + 2, (size_t)(end - 1 - (tab + 2)));
		if (!s.module)
			return ENOMEM;
	}
	return s.name && symtab_add(r->table, s) ? 0 : ENOMEM;
}

/* Adds the whole lines of the text, and leaves what is after them at its start: *SIZE bytes. */
static int add_lines(struct kallsyms_reader *r, char *text, size_t *size)
{
	char *line = text, *last = text + *size, *end;
	int err = 0;

	while (!err && (end = memchr(line, '\n', (size_t)(last - line)))) {
		err = add_line(r, line, end);
		line = end + 1;
	}
	*size = (size_t)(last - line);
	memmove(text, line, *size);
	return err;
}

static int add_all(struct kallsyms_reader *r, int fd)
{
	char text[16384]; /* the kernel gives 4096 bytes at a time */
	size_t size = 0;
	ssize_t n;
	int err = 0;

	while (!err && (n = read(fd, text + size, sizeof(text) - 1 - size)) > 0) {
		size += (size_t)n;
		err = add_lines(r, text, &size);
		if (!err && size == sizeof(text) - 1) /* a line is longer than any name */
			err = EINVAL;
	}
	if (err)
		return err;
	if (n < 0)
		return errno;
	text[size++] = '\n'; /* the last line may lack it */
	return add_lines(r, text, &size);
}

int kallsyms_read(const char *path, struct symtab *t)
{
	struct kallsyms_reader r = {.table = t};
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return errno;
	err = symtab_expect(t, MANY_FUNCTIONS, MANY_BYTES) ? add_all(&r, fd) : ENOMEM;
	close(fd);
	if (!err && r.seen && !t->cnt) /* the kernel shows 0 for all addresses */
		err = EPERM;
	if (!err && !symtab_sort(t))
		err = ENOMEM;
	return err;
}
