#include "symbol/dwarf.h"

#include <errno.h>

#if defined(__has_include)
#if __has_include(<elfutils/libdw.h>) && __has_include(<dwarf.h>)
#define HAVE_LIBDW
#endif
#endif

#ifdef HAVE_LIBDW
#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct libdw {
	Dwarf *(*begin_elf)(Elf *, Dwarf_Cmd, Elf_Scn *);
	int (*end)(Dwarf *);
	Dwarf_Die *(*addrdie)(Dwarf *, Dwarf_Addr, Dwarf_Die *);
	int (*nextcu)(Dwarf *, Dwarf_Off, Dwarf_Off *, size_t *, Dwarf_Off *, uint8_t *, uint8_t *);
	Dwarf_Die *(*offdie)(Dwarf *, Dwarf_Off, Dwarf_Die *);
	int (*haspc)(Dwarf_Die *, Dwarf_Addr);
	int (*getscopes)(Dwarf_Die *, Dwarf_Addr, Dwarf_Die **);
	int (*getscopes_die)(Dwarf_Die *, Dwarf_Die **);
	int (*tag)(Dwarf_Die *);
	Dwarf_Attribute *(*attr_integrate)(Dwarf_Die *, unsigned, Dwarf_Attribute *);
	const char *(*formstring)(Dwarf_Attribute *);
	int (*formudata)(Dwarf_Attribute *, Dwarf_Word *);
	Dwarf_Line *(*getsrc_die)(Dwarf_Die *, Dwarf_Addr);
	int (*lineno)(Dwarf_Line *, int *);
	const char *(*linesrc)(Dwarf_Line *, Dwarf_Word *, Dwarf_Word *);
	int (*getsrcfiles)(Dwarf_Die *, Dwarf_Files **, size_t *);
	const char *(*filesrc)(Dwarf_Files *, size_t, Dwarf_Word *, Dwarf_Word *);
};

static const struct {
	const char *name;
	size_t at;
} functions[] = {
	{"dwarf_begin_elf", offsetof(struct libdw, begin_elf)},
	{"dwarf_end", offsetof(struct libdw, end)},
	{"dwarf_addrdie", offsetof(struct libdw, addrdie)},
	{"dwarf_nextcu", offsetof(struct libdw, nextcu)},
	{"dwarf_offdie", offsetof(struct libdw, offdie)},
	{"dwarf_haspc", offsetof(struct libdw, haspc)},
	{"dwarf_getscopes", offsetof(struct libdw, getscopes)},
	{"dwarf_getscopes_die", offsetof(struct libdw, getscopes_die)},
	{"dwarf_tag", offsetof(struct libdw, tag)},
	{"dwarf_attr_integrate", offsetof(struct libdw, attr_integrate)},
	{"dwarf_formstring", offsetof(struct libdw, formstring)},
	{"dwarf_formudata", offsetof(struct libdw, formudata)},
	{"dwarf_getsrc_die", offsetof(struct libdw, getsrc_die)},
	{"dwarf_lineno", offsetof(struct libdw, lineno)},
	{"dwarf_linesrc", offsetof(struct libdw, linesrc)},
	{"dwarf_getsrcfiles", offsetof(struct libdw, getsrcfiles)},
	{"dwarf_filesrc", offsetof(struct libdw, filesrc)},
};

static struct libdw libdw;
static bool loaded;

static void load_libdw(void)
{
	void *library = dlopen("libdw.so.1", RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);

	if (!library)
		return;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *fn = dlsym(library, functions[i].name);

		if (!fn)
			return;
		memcpy((char *)&libdw + functions[i].at, &fn, sizeof(fn));
	}
	loaded = true;
}

static bool has_libdw(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load_libdw);
	return loaded;
}

/* The file that has the information, as D->debug. */
static bool find_debug_file(struct dwarf *d, const char *path)
{
	int i = 0;

	if (elffile_has_section(&d->main, ".debug_info")) {
		d->debug = d->main;
		return true;
	}
	while (elffile_next_debug(path, &d->main, &i, &d->debug)) {
		if (elffile_has_section(&d->debug, ".debug_info")) {
			d->has_debug_file = true;
			return true;
		}
		elffile_close(&d->debug);
	}
	return false;
}

int dwarf_open(struct dwarf *d, const char *path, bool asks)
{
	int err;

	*d = (struct dwarf){0};
	if (!has_libdw())
		return EOPNOTSUPP;
	err = elffile_open(&d->main, path);
	if (err)
		return err;
	d->main.asks = asks;
	if (find_debug_file(d, path))
		d->handle = libdw.begin_elf(d->debug.elf, DWARF_C_READ, NULL);
	if (d->handle)
		return 0;
	if (d->has_debug_file)
		elffile_close(&d->debug);
	elffile_close(&d->main);
	return ENODATA;
}

void dwarf_close(struct dwarf *d)
{
	libdw.end(d->handle);
	if (d->has_debug_file)
		elffile_close(&d->debug);
	elffile_close(&d->main);
}

/* The compilation unit that contains ADDR. Compilers may leave out the table by which libdw finds
 * it.
 */
static bool find_unit(const struct dwarf *d, Dwarf_Addr addr, Dwarf_Die *unit)
{
	Dwarf_Off at = 0, next;
	size_t header;

	if (libdw.addrdie(d->handle, addr, unit))
		return true;
	for (; libdw.nextcu(d->handle, at, &next, &header, NULL, NULL, NULL) == 0; at = next)
		if (libdw.offdie(d->handle, at + header, unit) && libdw.haspc(unit, addr) > 0)
			return true;
	return false;
}

static const char *string_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;

	return libdw.formstring(libdw.attr_integrate(die, name, &attribute));
}

static Dwarf_Word number_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word number;

	return libdw.formudata(libdw.attr_integrate(die, name, &attribute), &number) ? 0 : number;
}

/* Where the inlined function DIE is called. */
static void find_call(Dwarf_Die *unit, Dwarf_Die *die, struct dwarf_frame *frame)
{
	Dwarf_Files *files;
	size_t n;

	frame->line = (int)number_of(die, DW_AT_call_line);
	frame->file = NULL;
	if (libdw.getsrcfiles(unit, &files, &n) == 0)
		frame->file = libdw.filesrc(files, number_of(die, DW_AT_call_file), NULL, NULL);
}

/* SCOPES: from the innermost to the unit. */
static size_t add_frames(Dwarf_Die *unit, Dwarf_Die *scopes, int n, struct dwarf_frame frame,
			 struct dwarf_frame *frames, size_t most)
{
	size_t count = 0;

	for (int i = 0; i < n && count < most; i++) {
		int tag = libdw.tag(&scopes[i]);

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		frame.function = string_of(&scopes[i], DW_AT_linkage_name);
		if (!frame.function)
			frame.function = string_of(&scopes[i], DW_AT_name);
		frames[count++] = frame;
		if (tag == DW_TAG_subprogram)
			break;
		find_call(unit, &scopes[i], &frame);
	}
	return count;
}

size_t dwarf_find(const struct dwarf *d, uint64_t offset, struct dwarf_frame *frames, size_t most)
{
	struct dwarf_frame frame = {0};
	Dwarf_Die unit, *scopes = NULL, *parents = NULL;
	Dwarf_Line *line;
	size_t count = 0;
	int n = 0;

	if (!elffile_to_address(&d->main, &offset) || !find_unit(d, offset, &unit))
		return 0;
	line = libdw.getsrc_die(&unit, offset);
	if (line) {
		libdw.lineno(line, &frame.line);
		frame.file = libdw.linesrc(line, NULL, NULL);
	}
	/* The scopes of an inlined function are those of its definition; its parents are not. */
	if (libdw.getscopes(&unit, offset, &scopes) > 0)
		n = libdw.getscopes_die(&scopes[0], &parents);
	if (n > 0)
		count = add_frames(&unit, parents, n, frame, frames, most);
	free(scopes);
	free(parents);
	return count;
}

#else

int dwarf_open(struct dwarf *d, const char *path, bool asks)
{
	(void)path;
	(void)asks;
	*d = (struct dwarf){0};
	return EOPNOTSUPP;
}

void dwarf_close(struct dwarf *d)
{
	(void)d;
}

size_t dwarf_find(const struct dwarf *d, uint64_t offset, struct dwarf_frame *frames, size_t most)
{
	(void)d;
	(void)offset;
	(void)frames;
	(void)most;
	return 0;
}

#endif
