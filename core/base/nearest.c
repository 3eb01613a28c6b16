#include "base/nearest.h"

#include <stdio.h>
#include <string.h>

/*** @module lbpf */
/*** Names in messages
@section nearest
*/

#define LENGTH_MAX (NEAREST_NAME - 1)

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters are to be inserted, deleted, replaced or swapped with their neighbours to make A
 * of B: the optimal string alignment.
 */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][LENGTH_MAX + 1], *before = rows[0], *above = rows[1], *row = rows[2];
	size_t a_len = strnlen(a, LENGTH_MAX), b_len = strnlen(b, LENGTH_MAX);

	for (size_t j = 0; j <= b_len; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *free = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = min(above[j - 1] + (a[i - 1] != b[j - 1]),
				     1 + min(above[j], row[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = free;
	}
	return above[b_len];
}

void nearest_add(struct nearest *n, const char *name)
{
	unsigned d;
	size_t at;

	if (!name || !*name)
		return;
	n->total++;
	d = distance(n->wanted, name);
	for (at = n->n; at > 0; at--) {
		unsigned other = n->best[at - 1].distance;

		if (other < d || (other == d && strcmp(n->best[at - 1].name, name) <= 0))
			break;
		if (at < NEAREST_MAX)
			n->best[at] = n->best[at - 1];
	}
	if (at == NEAREST_MAX)
		return;
	n->best[at].distance = d;
	snprintf(n->best[at].name, NEAREST_NAME, "%s", name);
	n->n += n->n < NEAREST_MAX;
}

const char *nearest_push(lua_State *L, const struct nearest *n)
{
	luaL_Buffer b;

	if (n->n == 0) {
		lua_pushliteral(L, "none");
		return lua_tostring(L, -1);
	}
	luaL_buffinit(L, &b);
	for (size_t i = 0; i < n->n; i++) {
		if (i > 0)
			luaL_addstring(&b, ", ");
		luaL_addstring(&b, n->best[i].name);
	}
	luaL_pushresult(&b);
	if (n->total > n->n)
		return lua_pushfstring(L, "%s and %d more", lua_tostring(L, -1),
				       (int)(n->total - n->n));
	return lua_tostring(L, -1);
}

/*** Which of some names are most like one that is not among them: what messages about misspelt
names show.
@function nearest
@tparam string wanted
@tparam {string,...} names
@treturn string the names, the nearest first: "pid, ppid, comm"; of many the first and how many more
 there are
@usage print(lbpf.nearest("pdi", {"comm", "pid", "ppid"}))
*/
static int nearest(lua_State *L)
{
	struct nearest n = {.wanted = luaL_checkstring(L, 1)};

	luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 2);
	for (size_t i = 1, len = lua_rawlen(L, 2); i <= len; i++) {
		lua_rawgeti(L, 2, (int)i);
		luaL_argcheck(L, lua_type(L, 3) == LUA_TSTRING, 2, "expected a list of names");
		nearest_add(&n, lua_tostring(L, 3));
		lua_pop(L, 1);
	}
	nearest_push(L, &n);
	return 1;
}

void nearest_open(lua_State *L)
{
	lua_pushcfunction(L, nearest);
	lua_setfield(L, -2, "nearest");
}
