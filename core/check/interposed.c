#include "check/interposed.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>

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
	size_t n;
};

/* glibc has made addresses of the dynamic section's offsets, on most architectures. */
static const void *address(const struct link_map *library, ElfW(Addr) at)
{
	return (const void *)(at < library->l_addr ? library->l_addr + at : at);
}

/* The number of symbols in a GNU hash table: where the last chain ends. */
static size_t hashed_symbols(const uint32_t *table)
{
	uint32_t n_buckets = table[0], first = table[1], bloom_words = table[2], last = 0;
	const uint32_t *buckets = table + 4 + bloom_words * (sizeof(ElfW(Addr)) / 4);
	const uint32_t *chains = buckets + n_buckets;

	for (uint32_t i = 0; i < n_buckets; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < first)
		return 0;
	while (!(chains[last - first] & 1))
		last++;
	return last + 1;
}

static struct dynamic_symbols find_symbols(void *handle)
{
	struct dynamic_symbols found = {0};
	struct link_map *library;

	if (dlinfo(handle, RTLD_DI_LINKMAP, &library))
		return found;
	found.base = (const char *)library->l_addr;
	for (const ElfW(Dyn) *d = library->l_ld; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			found.list = address(library, d->d_un.d_ptr);
		else if (d->d_tag == DT_STRTAB)
			found.names = address(library, d->d_un.d_ptr);
		else if (d->d_tag == DT_GNU_HASH)
			found.n = hashed_symbols(address(library, d->d_un.d_ptr));
		else if (d->d_tag == DT_HASH && !found.n)
			found.n = ((const uint32_t *)address(library, d->d_un.d_ptr))[1];
	}
	return found;
}

static bool is_exported_function(const ElfW(Sym) * symbol)
{
	return symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
	       ELF64_ST_BIND(symbol->st_info) != STB_LOCAL;
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

void interposed_open(lua_State *L)
{
	void *libbpf = is_linked_in() ? NULL : dlopen("libbpf.so.1", RTLD_LAZY | RTLD_NOLOAD);
	const char *allowed = getenv("LBPF_INTERPOSED"), *file = NULL, *name = NULL;
	struct dynamic_symbols symbols;

	if (!libbpf)
		return;
	symbols = find_symbols(libbpf);
	for (size_t i = 0; i < symbols.n && !file; i++) {
		name = symbols.names + symbols.list[i].st_name;
		if (is_exported_function(&symbols.list[i]))
			file = find_replacement(symbols.base + symbols.list[i].st_value, name);
	}
	dlclose(libbpf); /* libbpf is a dependency of this module, and stays */
	if (file && !(allowed && *allowed))
		luaL_error(
			L,
			"lbpf cannot use libbpf here: '%s' has a function '%s' of its own, which "
			"would be called instead of libbpf's; build lbpf with 'make "
			"LIBBPF=static'",
			file, name);
}
