#include "check/interposed.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h> /* getenv() */

/* A program that exports a function with the name of one of libbpf's replaces it for every library
 * of the process, libbpf included, and its own takes other arguments: PowerDNS's dnsdist has a
 * bpf_prog_load(). In a module that libbpf is linked into there is nothing to replace.
 */

/* Distributions compile libbpf.a for programs: in a module its use of this variable of the C
 * library cannot be resolved. `make LIBBPF=static` gives it another name there.
 */
FILE *libbpf_stderr;

__attribute__((constructor)) static void set_stderr(void)
{
	libbpf_stderr = stderr;
}

/* The dynamic symbols of a library that is loaded. */
struct dynamic_symbols {
	const char *base; /* what their values are added to */
	const ElfW(Sym) * list;
	const char *names;
	const uint32_t *gnu_hash, *hash; /* tables; NULL: there is none */
};

/* glibc has made addresses of the dynamic section's offsets, on most architectures. */
static const void *address(const char *base, ElfW(Addr) at)
{
	return at < (uintptr_t)base ? base + at : (const char *)at;
}

static struct dynamic_symbols read_dynamic(const char *base, const ElfW(Dyn) * d)
{
	struct dynamic_symbols found = {.base = base};

	for (; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			found.list = address(base, d->d_un.d_ptr);
		else if (d->d_tag == DT_STRTAB)
			found.names = address(base, d->d_un.d_ptr);
		else if (d->d_tag == DT_GNU_HASH)
			found.gnu_hash = address(base, d->d_un.d_ptr);
		else if (d->d_tag == DT_HASH)
			found.hash = address(base, d->d_un.d_ptr);
	}
	return found;
}

/* A GNU hash table. The symbols of a bucket follow each other, and of each there is the hash; its
 * lowest bit is set for the last one.
 */
struct gnu_hash {
	uint32_t n_buckets, first;
	const uint32_t *buckets, *chains;
};

static struct gnu_hash read_gnu_hash(const uint32_t *table)
{
	const uint32_t *buckets = table + 4 + table[2] * (sizeof(ElfW(Addr)) / 4);

	return (struct gnu_hash){table[0], table[1], buckets, buckets + table[0]};
}

static size_t hashed_symbols(const struct dynamic_symbols *symbols)
{
	struct gnu_hash table;
	uint32_t last = 0;

	if (!symbols->gnu_hash)
		return symbols->hash ? symbols->hash[1] : 0;
	table = read_gnu_hash(symbols->gnu_hash);
	for (uint32_t i = 0; i < table.n_buckets; i++)
		if (table.buckets[i] > last)
			last = table.buckets[i];
	if (last < table.first)
		return 0;
	while (!(table.chains[last - table.first] & 1))
		last++;
	return last + 1;
}

static bool has_hash(const struct gnu_hash *table, uint32_t hash)
{
	uint32_t at = table->n_buckets ? table->buckets[hash % table->n_buckets] : 0;

	if (at < table->first || !at)
		return false;
	for (at -= table->first; (table->chains[at] | 1) != (hash | 1); at++)
		if (table->chains[at] & 1)
			return false;
	return true;
}

static uint32_t hash_name(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

static bool is_exported_function(const ElfW(Sym) * symbol)
{
	return symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
	       ELF64_ST_BIND(symbol->st_info) != STB_LOCAL;
}

/* What libbpf exports, to be found in other libraries. */
struct exported {
	const char *name;
	const void *own;
	uint32_t hash;
	bool is_elsewhere; /* another library has it, too, or may have */
};

struct exports {
	const char *base; /* libbpf's */
	struct exported *list;
	size_t n;
};

/* Pushes what holds the list. */
static void list_exports(lua_State *L, struct exports *exports,
			 const struct dynamic_symbols *libbpf)
{
	size_t n = hashed_symbols(libbpf);

	exports->base = libbpf->base;
	exports->list = compat_newuserdata(L, (n + 1) * sizeof(*exports->list));
	for (size_t i = 0; i < n; i++) {
		const ElfW(Sym) *symbol = libbpf->list + i;
		const char *name = libbpf->names + symbol->st_name;

		if (is_exported_function(symbol))
			exports->list[exports->n++] = (struct exported){
				name, libbpf->base + symbol->st_value, hash_name(name), false};
	}
}

/* For dl_iterate_phdr(). Asking the dynamic linker for each name takes several times as long. */
static int find_elsewhere(struct dl_phdr_info *library, size_t size, void *data)
{
	const char *base = (const char *)library->dlpi_addr;
	struct dynamic_symbols symbols = {0};
	struct exports *exports = data;
	struct gnu_hash table = {0};

	(void)size;
	for (int i = 0; i < library->dlpi_phnum; i++)
		if (library->dlpi_phdr[i].p_type == PT_DYNAMIC)
			symbols = read_dynamic(
				base, (const void *)(base + library->dlpi_phdr[i].p_vaddr));
	if (base == exports->base || !symbols.list)
		return 0;
	if (symbols.gnu_hash)
		table = read_gnu_hash(symbols.gnu_hash);
	for (size_t i = 0; i < exports->n; i++)
		exports->list[i].is_elsewhere |=
			!symbols.gnu_hash || has_hash(&table, exports->list[i].hash);
	return 0;
}

/* Which file has what the name of libbpf's function OWN means in this process, if that is not
 * libbpf's? A program that takes the address of a library's function may have a stub of that name,
 * which defines nothing; and libbpf may have several versions of a function.
 */
static const char *find_replacement(const void *own, const char *name)
{
	void *meant = dlsym(RTLD_DEFAULT, name);
	const ElfW(Sym) *symbol = NULL;
	Dl_info where, libbpf;

	if (!meant || own == meant)
		return NULL;
	if (!dladdr1(meant, &where, (void **)&symbol, RTLD_DL_SYMENT))
		return "this program";
	if (symbol && symbol->st_shndx == SHN_UNDEF)
		return NULL;
	if (dladdr(own, &libbpf) && libbpf.dli_fbase == where.dli_fbase)
		return NULL;
	return where.dli_fname;
}

static bool is_linked_in(void)
{
	Dl_info libbpf, module;

	return dladdr((void *)(uintptr_t)libbpf_major_version, &libbpf) &&
	       dladdr((void *)(uintptr_t)interposed_open, &module) &&
	       libbpf.dli_fbase == module.dli_fbase;
}

/* The first of libbpf's functions that another file has, and that file; NULL if there is none. */
static const char *find_replaced(lua_State *L, const struct dynamic_symbols *libbpf,
				 const char **name)
{
	struct exports exports = {0};
	const char *file = NULL;

	list_exports(L, &exports, libbpf);
	dl_iterate_phdr(find_elsewhere, &exports);
	for (size_t i = 0; i < exports.n && !file; i++) {
		*name = exports.list[i].name;
		if (exports.list[i].is_elsewhere)
			file = find_replacement(exports.list[i].own, *name);
	}
	lua_pop(L, 1);
	return file;
}

void interposed_open(lua_State *L)
{
	void *libbpf = is_linked_in() ? NULL : dlopen("libbpf.so.1", RTLD_LAZY | RTLD_NOLOAD);
	const char *allowed = getenv("LBPF_INTERPOSED"), *file = NULL, *name = NULL;
	struct dynamic_symbols symbols;
	struct link_map *library;
	int err;

	if (!libbpf)
		return;
	err = dlinfo(libbpf, RTLD_DI_LINKMAP, &library);
	dlclose(libbpf); /* libbpf is a dependency of this module, and stays */
	if (err)
		return;
	symbols = read_dynamic((const char *)library->l_addr, library->l_ld);
	file = find_replaced(L, &symbols, &name);
	if (file && !(allowed && *allowed))
		luaL_error(
			L,
			"lbpf cannot use libbpf here: '%s' has a function '%s' of its own, which "
			"would be called instead of libbpf's; build lbpf with 'make "
			"LIBBPF=static'",
			file, name);
}
