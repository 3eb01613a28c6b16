/* Option tables: one descriptor per field serves both a C structure and its Lua table. */
#ifndef LBPF_BASE_FIELD_H
#define LBPF_BASE_FIELD_H

#include "base/compat.h"

enum field_kind {
	FIELD_OWN, /* not a plain member: the module reads the value itself */
	FIELD_BOOL,
	FIELD_INT,
	FIELD_U8,
	FIELD_U32,
	FIELD_U64,
	FIELD_SIZE,
	FIELD_STRING, /* borrowed from the copy of the table that field_read() makes */
	FIELD_PROG_TYPE,
	FIELD_ATTACH_TYPE,
	FIELD_MAP_TYPE,
	FIELD_LINK_TYPE,
	FIELD_ATTACH_FLAGS, /* bits or names, of 32 bits, as base/flags.h has them; from here on */
	FIELD_FILE_FLAGS,
	FIELD_MAP_FLAGS,
	FIELD_PROG_FLAGS,
	FIELD_QUERY_FLAGS,
	FIELD_RUN_FLAGS,
	FIELD_TC_FLAGS,
	FIELD_NETFILTER_FLAGS,
	FIELD_MULTI_FLAGS, /* to here */
	FIELD_FD,          /* a number, or an object that has one */
	FIELD_ADDRESS,     /* 64 bits, see value_push_address(); can only be pushed */
	FIELD_NAME,        /* the kernel's char[16]; can only be pushed */
	FIELD_TAG,         /* 8 bytes, in hexadecimal; can only be pushed */
};

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	unsigned char major, minor; /* the libbpf that added it; 0.0: 1.1 or older */
	bool absent;                /* not in the headers of this build */
};

#define FIELD(type, member, kind_)                                                                 \
	{                                                                                          \
		.name = #member, .kind = (kind_), .offset = offsetof(type, member)                 \
	}

/* A member that libbpf MAJOR.MINOR brought. If the headers of this build are older the structure
 * need not have it, and an option of that name is refused.
 */
#define FIELD_FROM(major_, minor_, type, member, kind_)                                            \
	FIELD_IF(LBPF_HEADERS_##major_##_##minor_, major_, minor_, type, member, kind_)
#define FIELD_IF(known, ...)  FIELD_IF_(known, __VA_ARGS__)
#define FIELD_IF_(known, ...) FIELD_IF_##known(__VA_ARGS__)
#define FIELD_IF_1(major_, minor_, type, member, kind_)                                            \
	{                                                                                          \
		.name = #member, .kind = (kind_), .offset = offsetof(type, member),                \
		.major = (major_), .minor = (minor_)                                               \
	}
#define FIELD_IF_0(major_, minor_, type, member, kind_)                                            \
	{                                                                                          \
		.name = #member, .major = (major_), .minor = (minor_), .absent = true              \
	}

#define FIELD_BY_MODULE(name_)                                                                     \
	{                                                                                          \
		.name = (name_), .kind = FIELD_OWN                                                 \
	}
#define FIELD_BY_MODULE_FROM(major_, minor_, name_)                                                \
	{                                                                                          \
		.name = (name_), .major = (major_), .minor = (minor_),                             \
		.absent = !LBPF_HEADERS_##major_##_##minor_                                        \
	}
#define FIELDS_END                                                                                 \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/* Reads the table at ARG into the structure at BASE; does nothing if it is nil or absent. Raises an
 * argument error that names the key if it is unknown, has a wrong type, is out of range, or needs a
 * newer libbpf. A copy replaces the table at ARG: callbacks cannot change it, and it keeps the
 * strings.
 */
void field_read(lua_State *L, int arg, const struct field *fields, void *base);

/* A list of tables, NAME in the table that is the argument ARG, and which of them is read. */
struct field_list {
	int arg;
	const char *name;
	int i; /* from 1 */
};

/* The same for the table on top of the stack, the list's I-th: its private copy takes its place. */
void field_read_item(lua_State *L, const struct field_list *list, const struct field *fields,
		     void *base);

/* Raises an argument error about the item. */
int field_wrong_item(lua_State *L, const struct field_list *list, const char *what);

/* The descriptor of NAME, or NULL. */
const struct field *field_find(const struct field *fields, const char *name);

/* The offset of a field's end: a structure must be at least this long to have the field. */
size_t field_end(const struct field *f);

/* Sets all members that lie within SIZE bytes in the table on top of the stack. */
void field_push_all(lua_State *L, const struct field *fields, const void *base, size_t size);

/* Pushes the member. Stores the value at IDX in it; if that fails, pushes a message and returns
 * false. */
void field_push(lua_State *L, const struct field *f, const void *base);
bool field_store(lua_State *L, const struct field *f, void *base, int idx);

#endif
