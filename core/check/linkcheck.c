#include "check/linkcheck.h"

#include "base/value.h"
#include "check/btfrefs.h"
#include <gelf.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Larger than any compiler's; libbpf allocates as much. */
#define ALIGN_MAX (1U << 20)

/* Where a variable or function is, or an empty section. */
struct linkcheck_name {
	char *name, *section; /* SECTION is NULL of an empty section */
};

struct link_input {
	struct linkcheck *known;
	struct elf_image image;
	char *why;
	size_t size;
};

static bool refuse_file(const struct link_input *f, const char *what, ...)
	__attribute__((format(printf, 2, 3)));

static bool refuse_file(const struct link_input *f, const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	vsnprintf(f->why, f->size, what, ap);
	va_end(ap);
	return false;
}

/* Names of all files ------------------------------------------------------------------------- */

static const struct linkcheck_name *find_known(const struct linkcheck *c, const char *name,
					       bool is_section)
{
	for (size_t i = 0; i < c->n; i++)
		if ((c->names[i].section == NULL) == is_section &&
		    strcmp(c->names[i].name, name) == 0)
			return &c->names[i];
	return NULL;
}

static bool add_known(const struct link_input *f, const char *name, const char *section)
{
	struct linkcheck *c = f->known;
	struct linkcheck_name *names = realloc(c->names, (c->n + 1) * sizeof(*names));
	struct linkcheck_name new;

	if (!names)
		return refuse_file(f, "not enough memory");
	c->names = names;
	new.name = strdup(name);
	new.section = section ? strdup(section) : NULL;
	if (!new.name || (section && !new.section)) {
		free(new.name);
		free(new.section);
		return refuse_file(f, "not enough memory");
	}
	c->names[c->n++] = new;
	return true;
}

void linkcheck_free(struct linkcheck *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->names[i].name);
		free(c->names[i].section);
	}
	free(c->names);
	*c = (struct linkcheck){0};
}

/* Sections ----------------------------------------------------------------------------------- */

static const char *section_name(const struct link_input *f, Elf_Scn *scn)
{
	GElf_Shdr shdr;
	const char *name = gelf_getshdr(scn, &shdr)
				   ? elf_strptr(f->image.elf, f->image.names, shdr.sh_name)
				   : NULL;

	return name ? name : "";
}

static bool has_section(const struct link_input *f, const char *name)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(f->image.elf, scn)))
		if (strcmp(section_name(f, scn), name) == 0)
			return true;
	return false;
}

/* Are contents of sections with this name compared, and not appended? */
static bool is_compared(const char *name)
{
	return strcmp(name, "license") == 0 || strcmp(name, "version") == 0;
}

/* Before 1.3 libbpf takes the result of realloc() to no bytes for an error, and frees the memory
 * again. It ignores an empty .text, which files without subprograms have.
 */
static bool is_first_empty(const struct link_input *f, const char *name)
{
	if (compat_libbpf(1, 3) || strcmp(name, ".text") == 0)
		return true;
	if (find_known(f->known, name, true))
		return refuse_file(f, "section %s is empty in two files", name);
	return add_known(f, name, NULL);
}

static bool check_header(const struct link_input *f, const GElf_Shdr *shdr, const char *name)
{
	bool is_empty_space = shdr->sh_type == SHT_NOBITS;

	if (shdr->sh_addralign > ALIGN_MAX)
		return refuse_file(f, "section %s has an alignment of more than %u", name,
				   ALIGN_MAX);
	if (is_empty_space && shdr->sh_size > INT32_MAX)
		return refuse_file(f, "section %s is too large", name);
	if (is_empty_space && (shdr->sh_flags & SHF_EXECINSTR || is_compared(name)))
		return refuse_file(f, "section %s has no contents", name);
	if (strcmp(name, ".extern") == 0)
		return refuse_file(f, "section .extern is not one that compilers write");
	if (shdr->sh_size == 0 && (shdr->sh_type == SHT_PROGBITS || shdr->sh_type == SHT_REL))
		return is_first_empty(f, name);
	return true;
}

/* Only a local symbol can be in no section. */
static bool check_symbols(const struct link_input *f, Elf_Scn *scn)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Sym sym;

	for (int i = 0; gelf_getsym(data, i, &sym); i++)
		if (sym.st_shndx >= SHN_LORESERVE && (GELF_ST_BIND(sym.st_info) != STB_LOCAL ||
						      GELF_ST_TYPE(sym.st_info) == STT_SECTION))
			return refuse_file(f, "symbol %d is in section %u, which does not exist", i,
					   sym.st_shndx);
	return true;
}

/* Instructions that are relocated must exist. */
static bool check_relocations(const struct link_input *f, Elf_Scn *scn, size_t number)
{
	Elf_Scn *of = elf_getscn(f->image.elf, number);
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Shdr target;
	GElf_Rel rel;

	if (!of || !gelf_getshdr(of, &target) || !(target.sh_flags & SHF_EXECINSTR))
		return true;
	for (int i = 0; gelf_getrel(data, i, &rel); i++)
		if (target.sh_size < sizeof(struct bpf_insn) ||
		    rel.r_offset > target.sh_size - sizeof(struct bpf_insn))
			return refuse_file(f, "relocation %d of section %s is beyond its end", i,
					   section_name(f, of));
	return true;
}

static bool check_sections(const struct link_input *f)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	bool ok = true;

	while (ok && (scn = elf_nextscn(f->image.elf, scn))) {
		if (!gelf_getshdr(scn, &shdr))
			return true; /* libbpf refuses the file */
		ok = check_header(f, &shdr, section_name(f, scn));
		if (ok && shdr.sh_type == SHT_SYMTAB)
			ok = check_symbols(f, scn);
		else if (ok && shdr.sh_type == SHT_REL)
			ok = check_relocations(f, scn, shdr.sh_info);
	}
	return ok;
}

/* Types ---------------------------------------------------------------------------------------- */

/* libbpf makes a section for variables without one, which has no contents and no header. */
static bool check_section_of_types(const struct link_input *f, const char *name)
{
	bool is_other = is_compared(name) || strncmp(name, ".rel", 4) == 0 ||
			strcmp(name, ".symtab") == 0 || strcmp(name, ".strtab") == 0;

	if (is_other && !has_section(f, name))
		return refuse_file(f, "BTF has a section %s, which the file does not have", name);
	return true;
}

/* libbpf remembers the place of a variable in its section, but not the section. */
static bool check_place(const struct link_input *f, const char *name, const char *section)
{
	const struct linkcheck_name *known = find_known(f->known, name, false);

	if (!known)
		return add_known(f, name, section);
	if (strcmp(known->section, section) != 0)
		return refuse_file(f, "'%s' is in section %s, and was in %s before", name, section,
				   known->section);
	return true;
}

static bool is_static(const struct btf_type *t)
{
	return btf_is_var(t) ? btf_var(t)->linkage == BTF_VAR_STATIC
			     : btf_vlen(t) == BTF_FUNC_STATIC;
}

static bool check_variables(const struct link_input *f, const struct btf *btf,
			    const struct btf_type *t)
{
	const char *section = btf__name_by_offset(btf, t->name_off);
	bool ok = check_section_of_types(f, section);

	if (strcmp(section, ".extern") == 0) /* the linker looks for these in all sections */
		return ok;
	for (unsigned i = 0; ok && i < btf_vlen(t); i++) {
		const struct btf_type *var = btf__type_by_id(btf, btf_var_secinfos(t)[i].type);

		if (!is_static(var))
			ok = check_place(f, btf__name_by_offset(btf, var->name_off), section);
	}
	return ok;
}

static bool check_types(const struct link_input *f, const struct btf *btf)
{
	struct btfrefs refs;
	__u32 n = btf__type_cnt(btf);
	bool ok = btfrefs_init(&refs, btf, BTFREFS_LINK) || refuse_file(f, "not enough memory");

	for (__u32 id = 1; ok && id < n; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!btfrefs_check(&refs, id))
			ok = refuse_file(f, "BTF type %u %s", refs.id, refs.why);
		else if (btf_is_datasec(t))
			ok = check_variables(f, btf, t);
	}
	btfrefs_free(&refs);
	return ok;
}

static bool check_btf(const void *data, size_t size, void *arg)
{
	struct btf *btf = size <= UINT32_MAX ? btf__new(data, (__u32)size) : NULL;
	bool ok;

	if (value_pointer_error(btf))
		return true; /* libbpf refuses the file */
	ok = check_types(arg, btf);
	btf__free(btf);
	return ok;
}

bool linkcheck_source(struct linkcheck *c, const struct elf_source *source, char *why, size_t size)
{
	struct link_input f = {.known = c, .why = why, .size = size};
	GElf_Ehdr header;
	bool ok = true;

	if (!elf_enter(&f.image, source))
		return true; /* libbpf refuses the file */
	if (gelf_getehdr(f.image.elf, &header) && header.e_machine == EM_BPF)
		ok = check_sections(&f) && elf_each_section(source, BTF_ELF_SEC, check_btf, &f);
	elf_end(f.image.elf);
	return ok;
}
