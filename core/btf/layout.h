/* Where a script's options say that types are: in `layout`, which declares them as C does, or in
 * `btf`.
 */
#ifndef LBPF_BTF_LAYOUT_H
#define LBPF_BTF_LAYOUT_H

#include "base/class.h"
#include "base/field.h"
#include <bpf/btf.h>

struct layout {
	const struct btf *btf; /* NULL: no option says it */
	struct owner *owner;   /* the BTF's */
	uint32_t last;         /* the type that a layout means if no name is given; 0: no layout */
};

#define LAYOUT_FIELDS FIELD_BY_MODULE("layout"), FIELD_BY_MODULE("btf")

/* Reads the options of the table at ARG (nil: no options). A layout finds names in option `btf`, or
 * else in the BTF at BASE (0: none). With its own types those can be found in it that options
 * `type`, `key` and `value` name, and the value at WANTED (0: none). Pushes what the BTF must be
 * kept with.
 */
void layout_read(lua_State *L, int arg, int base, int wanted, struct layout *l);

/* Pushes OBJECT's BTF as a base, or nil if it has none, and returns its index. */
int layout_push_base(lua_State *L, struct owner *object, struct btf *btf);

void layout_open(lua_State *L);

#endif
